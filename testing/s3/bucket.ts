/** Content type, `x-amz-meta-*` and whatever else is kept beside the bytes and given back with them. */
export type KeptHeaders = Readonly<Record<string, string>>;

export interface Checksum {
  /** Base64, with `-<parts>` behind it for a checksum of checksums. */
  readonly crc32: string;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
}

export interface StoredObject {
  readonly body: Buffer;
  /** Without quotes. */
  readonly etag: string;
  readonly kept: KeptHeaders;
  readonly checksum: Checksum | undefined;
  readonly modifiedMs: number;
}

export interface StoredPart {
  readonly number: number;
  readonly body: Buffer;
  readonly etag: string;
  readonly crc32: string | undefined;
  readonly modifiedMs: number;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly kept: KeptHeaders;
  /** What kind of checksum it was created with. */
  readonly checksum: Checksum['type'] | undefined;
  readonly initiatedMs: number;
  readonly parts: Map<number, StoredPart>;
}

/** A rule of a bucket's lifecycle configuration. The model lists it and lets no time pass: see `expireUploads`. */
export interface LifecycleRule {
  readonly id: string;
  readonly prefix: string;
  /** Only objects with this tag. */
  readonly tag?: string;
  readonly isDisabled?: boolean;
  readonly abortAfterDays?: number;
  readonly expireAfterDays?: number;
  readonly moveTo?: { readonly storageClass: string; readonly afterDays: number };
}

/** Lists cannot lag behind further than this. */
const CHANGES_MAX = 1_000;

/** Objects and uploads, in the order of their keys' UTF-8 bytes. */
export class Bucket {
  readonly name: string;
  readonly region: string;
  versioning: 'Enabled' | 'Suspended' | undefined;
  lifecycle: readonly LifecycleRule[] = [];
  readonly uploads = new Map<string, Upload>();
  /** What became of uploads that were completed, by their ids. */
  readonly completed = new Map<string, { readonly key: string; readonly etag: string }>();
  /** Objects of uploads that are completed and not yet seen. */
  readonly assembling: { readonly key: string; readonly object: StoredObject }[] = [];
  readonly #objects = new Map<string, StoredObject>();
  readonly #changes: { key: string; before: StoredObject | undefined }[] = [];

  constructor(name: string, region: string) {
    this.name = name;
    this.region = region;
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  put(key: string, object: StoredObject): void {
    this.#remember(key);
    this.#objects.set(key, object);
  }

  delete(key: string): void {
    this.#remember(key);
    this.#objects.delete(key);
  }

  get isEmpty(): boolean {
    return this.#objects.size === 0;
  }

  /** Every object that has the prefix, by key, as of `lagChanges` changes ago. */
  list(prefix: string, lagChanges = 0): [key: string, object: StoredObject][] {
    const seen = lagChanges === 0 ? this.#objects : this.#asOf(lagChanges);
    return [...seen].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => compareUtf8(a, b));
  }

  /** Every upload under way, by key and then by age. */
  listUploads(): Upload[] {
    return [...this.uploads.values()].sort((a, b) => compareUtf8(a.key, b.key));
  }

  #asOf(lagChanges: number): Map<string, StoredObject> {
    const seen = new Map(this.#objects);
    for (const { key, before } of this.#changes.slice(-lagChanges).reverse()) {
      if (before === undefined) seen.delete(key);
      else seen.set(key, before);
    }
    return seen;
  }

  #remember(key: string): void {
    this.#changes.push({ key, before: this.#objects.get(key) });
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift();
  }
}

/** The order of the UTF-8 bytes. JavaScript's differs where characters beyond U+FFFF meet those from U+E000 on. */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unitA === unitB) continue;
    const [isPairA, isPairB] = [isSurrogate(unitA), isSurrogate(unitB)];
    return isPairA === isPairB ? unitA - unitB : isPairA ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
