import type { RecordColumns } from '../contract/batch.ts';

/** Columns for one batch after the other. */
export class GrowingColumns implements RecordColumns {
  start = new Int32Array(0);
  end = new Int32Array(0);
  keyStart = new Int32Array(0);
  keyEnd = new Int32Array(0);
  headersStart = new Int32Array(0);
  headersEnd = new Int32Array(0);
  timestampMs = new Float64Array(0);
  offset = new Float64Array(0);

  /** What they held before is void. */
  makeRoom(records: number): void {
    if (this.start.length >= records) return;
    const length = Math.max(1024, records * 2);
    for (const column of ['start', 'end', 'keyStart', 'keyEnd', 'headersStart', 'headersEnd'] as const)
      this[column] = new Int32Array(length);
    for (const column of ['timestampMs', 'offset'] as const) this[column] = new Float64Array(length);
  }
}
