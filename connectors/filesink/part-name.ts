import { assert, type Owner } from '../../core/spi.ts';

/** Everything a part's name says: whose it is, which incarnation wrote it, and in which order. */
export interface PartName extends Owner {
  readonly epoch: number;
  /** Counts the parts of this incarnation. */
  readonly counter: number;
  /** Without the dot, for example `ndjson`. */
  readonly extension: string;
}

const EPOCH_DIGITS = 12;
const COUNTER_DIGITS = 8;
/** Digits may outgrow their padding: names stay unique, only their sorting ends there. */
const NAME =
  /^(?<pipeline>[a-z0-9][a-z0-9_-]{0,62})-(?<lineage>[0-9a-f]{16})-l(?<layout>\d+)s(?<shard>\d+)-(?<epoch>\d{12,})-(?<counter>\d{8,})\.(?<extension>[a-z0-9]+(?:\.[a-z0-9]+)*)$/;

/** `<pipeline>-<lineage>-l<layout>s<shard>-<epoch>-<counter>.<extension>`: never used twice, sorts in write order within a shard. */
export function formatPartName(name: PartName): string {
  const epoch = String(name.epoch).padStart(EPOCH_DIGITS, '0');
  const counter = String(name.counter).padStart(COUNTER_DIGITS, '0');
  const text = `${partNamePrefix(name)}${epoch}-${counter}.${name.extension}`;
  assert(NAME.test(text), `a part name can be read back: ${text}`);
  return text;
}

/** What the names of all parts of one owner begin with. */
export function partNamePrefix({ pipeline, lineage, layout, shard }: Owner): string {
  return `${pipeline}-${lineage}-l${layout}s${shard}-`;
}

/** Gives one incarnation's parts their names. */
export class PartNames {
  readonly #owner: Owner & { readonly epoch: number };
  #counter = 0;

  constructor(owner: Owner & { readonly epoch: number }) {
    this.#owner = owner;
  }

  /** How many there are. */
  get given(): number {
    return this.#counter;
  }

  next(extension: string): string {
    const { pipeline, lineage, layout, shard, epoch } = this.#owner;
    return formatPartName({ pipeline, lineage, layout, shard, epoch, counter: this.#counter++, extension });
  }
}

/** Reads a name back; undefined for everything that `formatPartName` cannot have made. */
export function parsePartName(text: string): PartName | undefined {
  const groups = NAME.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const name: PartName = {
    pipeline: groups.pipeline as string,
    lineage: groups.lineage as string,
    layout: Number(groups.layout),
    shard: Number(groups.shard),
    epoch: Number(groups.epoch),
    counter: Number(groups.counter),
    extension: groups.extension as string,
  };
  const numbers = [name.layout, name.shard, name.epoch, name.counter];
  if (!numbers.every(Number.isSafeInteger) || formatPartName(name) !== text) return undefined;
  return name;
}

/** Whether a name belongs to any incarnation of this owner. */
export function isPartOf(owner: Owner, name: PartName): boolean {
  return (
    name.pipeline === owner.pipeline &&
    name.lineage === owner.lineage &&
    name.layout === owner.layout &&
    name.shard === owner.shard
  );
}
