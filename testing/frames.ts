import { RecordFrame, SlabPool } from '../core/batch/frame.ts';
import type {
  DecodedRecords,
  RecordBatch,
  RecordColumns,
  RecordHeaders,
  SplitId,
  ValueColumns,
} from '../core/contract/batch.ts';

export interface BatchSpec {
  readonly split: SplitId;
  /** The part of `split` before its last slash when left out. */
  readonly group?: string;
  /** The offset of the first record, 0 when left out. */
  readonly offset?: number;
  readonly values: readonly (string | Uint8Array | null)[];
  /** Of each record; none when left out. */
  readonly keys?: readonly (string | null)[];
  /** Of each record; 0 when left out. */
  readonly timestampsMs?: readonly number[];
  readonly headers?: readonly RecordHeaders[];
  /** Offsets behind the last record that hold nothing visible. */
  readonly gap?: number;
  /** Values that come from elsewhere than the frame's own bytes, as after decompressing. */
  readonly compressed?: boolean;
}

export interface TestFrame extends RecordFrame {
  /** True once nothing uses the frame any more; its bytes are overwritten at that moment. */
  readonly isRecycled: boolean;
}

const BATCH_HEADER_BYTES = 61;
const BEFORE_VALUE = 6;
const AFTER_VALUE = 1;
/** Around values lies what would do the most harm if it were taken for one. */
const NOISE = 0x0a;
const POISON = 0xdb;

/** A frame as a source delivers it: values with the least allowed room between them in one buffer, which dies with the frame. */
export function frameOf(specs: readonly BatchSpec[]): TestFrame {
  const bytes = Buffer.alloc(
    specs.reduce((sum, spec) => sum + BATCH_HEADER_BYTES + (spec.compressed ? 0 : bytesOf(spec)), 0),
    NOISE,
  );
  let at = 0;
  const batches = specs.map((spec) => {
    at += BATCH_HEADER_BYTES;
    const batch = new SpecBatch(spec, bytes, at);
    if (!spec.compressed) at += bytesOf(spec);
    return batch;
  });
  let isRecycled = false;
  const frame = new RecordFrame({
    batches,
    positionsAt: (index, taken) => positionsAt(batches, index, taken),
    slabs: new SlabPool({ slabBytes: 128 }),
    recycle: () => {
      isRecycled = true;
      bytes.fill(POISON);
    },
  });
  return Object.defineProperty(frame, 'isRecycled', { get: () => isRecycled }) as TestFrame;
}

class SpecBatch implements RecordBatch {
  readonly split: SplitId;
  readonly group: string;
  readonly index: number;
  readonly count: number;
  readonly offsetFirst: number;
  readonly #spec: BatchSpec;
  readonly #bytes: Buffer;
  readonly #at: number;

  constructor(spec: BatchSpec, frameBytes: Buffer, at: number) {
    this.split = spec.split;
    this.group = spec.group ?? spec.split.slice(0, spec.split.lastIndexOf('/'));
    this.index = Number(spec.split.slice(spec.split.lastIndexOf('/') + 1));
    this.count = spec.values.length;
    this.offsetFirst = spec.offset ?? 0;
    this.#spec = spec;
    this.#bytes = spec.compressed ? Buffer.alloc(bytesOf(spec), NOISE) : frameBytes;
    this.#at = spec.compressed ? 0 : at;
    this.#eachValue((start, value) => this.#bytes.set(value, start));
  }

  offsetAfter(taken: number): number {
    return this.offsetFirst + taken + (taken === this.count ? (this.#spec.gap ?? 0) : 0);
  }

  decodeValues(into: ValueColumns): { bytes: Buffer; inPlace: boolean } {
    into.start.fill(-1);
    this.#eachValue((start, value, index) => {
      into.start[index] = start;
      into.end[index] = start + value.length;
    });
    this.#eachNull((end, index) => {
      into.end[index] = end;
    });
    return { bytes: this.#bytes, inPlace: !this.#spec.compressed };
  }

  /** Keys lie in memory of their own, which `bytes` then has to be: values are copied beside them. */
  decodeRecords(into: RecordColumns): DecodedRecords {
    const chunks: Buffer[] = [];
    let at = 0;
    const place = (value: string | Uint8Array | null) => {
      if (value === null) return -1;
      chunks.push(Buffer.from(value as Uint8Array));
      at += (chunks.at(-1) as Buffer).length;
      return at - (chunks.at(-1) as Buffer).length;
    };
    for (const [index, value] of this.#spec.values.entries()) {
      into.keyStart[index] = place(this.#spec.keys?.[index] ?? null);
      into.keyEnd[index] = at;
      into.start[index] = place(value);
      into.end[index] = at;
      into.timestampMs[index] = this.#spec.timestampsMs?.[index] ?? 0;
      into.offset[index] = this.offsetFirst + index;
    }
    return { bytes: Buffer.concat(chunks), headersOf: (index) => this.#spec.headers?.[index] ?? [] };
  }

  #eachValue(visit: (start: number, value: Uint8Array, index: number) => void): void {
    this.#each((start, value, index) => {
      if (value !== null) visit(start, value, index);
    });
  }

  #eachNull(visit: (end: number, index: number) => void): void {
    this.#each((start, value, index) => {
      if (value === null) visit(start, index);
    });
  }

  #each(visit: (start: number, value: Uint8Array | null, index: number) => void): void {
    let at = this.#at;
    for (const [index, value] of this.#spec.values.entries()) {
      const bytes = value === null ? null : Buffer.from(value as Uint8Array);
      visit(at + BEFORE_VALUE, bytes, index);
      at += BEFORE_VALUE + (bytes?.length ?? 0) + AFTER_VALUE;
    }
  }
}

function bytesOf({ values }: BatchSpec): number {
  const around = values.length * (BEFORE_VALUE + AFTER_VALUE);
  return around + values.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value as string)), 0);
}

function positionsAt(batches: readonly SpecBatch[], batchIndex: number, takenInBatch: number) {
  const offsets = new Map<SplitId, number>();
  for (const [index, batch] of batches.entries()) {
    if (index < batchIndex) offsets.set(batch.split, batch.offsetAfter(batch.count));
    else if (index === batchIndex) offsets.set(batch.split, batch.offsetAfter(takenInBatch));
    else if (!offsets.has(batch.split)) offsets.set(batch.split, batch.offsetFirst);
  }
  return [...offsets].map(([split, offset]) => ({ split, position: { offset } }));
}
