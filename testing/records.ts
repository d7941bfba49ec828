import { GrowingColumns } from '../core/batch/columns.ts';
import type { RecordBatch, RecordView } from '../core/contract/batch.ts';

/** The records of a batch one by one, in memory of their own. */
export function recordsOf(batch: RecordBatch): RecordView[] {
  const columns = new GrowingColumns();
  columns.makeRoom(batch.count);
  const { bytes, headersOf } = batch.decodeRecords(columns);
  const copyOf = (start: number, end: number) => (start < 0 ? null : Buffer.from(bytes.subarray(start, end)));
  return Array.from({ length: batch.count }, (_, index) => ({
    offset: columns.offset[index] as number,
    timestampMs: columns.timestampMs[index] as number,
    key: copyOf(columns.keyStart[index] as number, columns.keyEnd[index] as number),
    value: copyOf(columns.start[index] as number, columns.end[index] as number),
    headers: headersOf(index).map(([name, value]) => [name, value === null ? null : Buffer.from(value)] as const),
  }));
}
