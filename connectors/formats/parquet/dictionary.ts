import type { RowType, RowValue } from '../row-schema.ts';
import { PlainValues } from './plain.ts';

/** After so many values a dictionary has to be of use. */
const TRIAL_VALUES = 1024;
/** A dictionary does not grow beyond this. */
const BYTES_MAX = 1024 * 1024;
/** What an entry takes beside its bytes in the file: the value itself, and its place in a map. */
const ENTRY_BYTES = 96;

const KINDS: ReadonlySet<RowType['kind']> = new Set([
  'string',
  'json',
  'int32',
  'int64',
  'date',
  'timestamp',
  'decimal',
]);

/** The different values of a chunk, for columns whose values repeat. */
export class Dictionary {
  readonly plain: PlainValues;
  readonly #indexes = new Map<RowValue, number>();
  #values = 0;

  /** Floating-point numbers have none, since a map cannot tell -0 from 0, and bytes none, since it tells all of them apart. */
  static of(type: RowType): Dictionary | undefined {
    return KINDS.has(type.kind) ? new Dictionary(type) : undefined;
  }

  private constructor(type: RowType) {
    this.plain = new PlainValues(type);
  }

  get size(): number {
    return this.#indexes.size;
  }

  /** The memory it takes, about. */
  get heldBytes(): number {
    return 2 * this.plain.length + ENTRY_BYTES * this.size;
  }

  /** Values do not repeat, or all together are too large. */
  get isUseless(): boolean {
    return this.size * 2 > this.#values || this.plain.length > BYTES_MAX;
  }

  /** Whether enough was seen to ask whether it is useless. */
  get isTried(): boolean {
    return this.#values >= TRIAL_VALUES || this.plain.length > BYTES_MAX;
  }

  /** The index of a value that was put before. */
  find(value: RowValue): number | undefined {
    const index = this.#indexes.get(value);
    if (index !== undefined) this.#values += 1;
    return index;
  }

  /** The index of a value that `find` did not find. */
  put(value: RowValue): number {
    const index = this.#indexes.size;
    this.#indexes.set(value, index);
    this.#values += 1;
    return index;
  }

  /** All values, in the order of their indexes. */
  values(): RowValue[] {
    return [...this.#indexes.keys()];
  }
}
