import { assert } from '../assert.ts';
import type { Frame, RecordBatch, SplitPosition } from '../contract/batch.ts';

export interface FrameParts {
  batches: readonly RecordBatch[];
  /**
   * Positions of all splits when the first `takenInBatch` records of batch `batchIndex` and everything before are taken.
   * `batchIndex === batches.length` means all.
   */
  positionsAt(batchIndex: number, takenInBatch: number): readonly SplitPosition[];
  slabs: SlabPool;
  /** Called once, when nothing uses the frame's memory any more. */
  recycle(): void;
}

/** The frame every source delivers: reference counting, slabs and the way from a record index to positions. */
export class RecordFrame implements Frame {
  readonly batches: readonly RecordBatch[];
  readonly count: number;
  readonly #parts: FrameParts;
  readonly #slabs: Buffer[] = [];
  #references = 1;

  constructor(parts: FrameParts) {
    this.#parts = parts;
    this.batches = parts.batches;
    let count = 0;
    for (const batch of parts.batches) count += batch.count;
    this.count = count;
  }

  slab(bytesMin: number): Buffer {
    assert(this.#references > 0, 'a released frame gives no slab');
    const slab = this.#parts.slabs.take(bytesMin);
    this.#slabs.push(slab);
    return slab;
  }

  retain(): void {
    assert(this.#references > 0, 'a released frame is not retained again');
    this.#references++;
  }

  release(): void {
    assert(this.#references > 0, 'a frame is released once per reference');
    if (--this.#references > 0) return;
    for (const slab of this.#slabs) this.#parts.slabs.put(slab);
    this.#slabs.length = 0;
    this.#parts.recycle();
  }

  positionsAfter(taken: number): readonly SplitPosition[] {
    assert(taken >= 0 && taken <= this.count, 'taken lies within the frame');
    if (taken === this.count) return this.#parts.positionsAt(this.batches.length, 0);
    let before = 0;
    for (const [index, batch] of this.batches.entries()) {
      if (taken < before + batch.count) return this.#parts.positionsAt(index, taken - before);
      before += batch.count;
    }
    return this.#parts.positionsAt(this.batches.length, 0);
  }
}

/** Recycles the buffers that decompressed values are packed into. */
export class SlabPool {
  readonly slabBytes: number;
  readonly #keepMax: number;
  readonly #free: Buffer[] = [];

  constructor({ slabBytes = 512 * 1024, keepMax = 32 }: { slabBytes?: number; keepMax?: number } = {}) {
    this.slabBytes = slabBytes;
    this.#keepMax = keepMax;
  }

  take(bytesMin: number): Buffer {
    if (bytesMin > this.slabBytes) return Buffer.allocUnsafeSlow(bytesMin);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.slabBytes);
  }

  put(slab: Buffer): void {
    if (slab.length === this.slabBytes && this.#free.length < this.#keepMax) this.#free.push(slab);
  }
}
