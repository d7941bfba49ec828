import { BATCH_HEADER_BYTES, BadBatch, type BatchHeader, isControl, isTransactional } from './batch.ts';
import type { AbortedTransaction } from './fetch-request.ts';
import { RecordCursor } from './records.ts';

/**
 * Which batches of one partition of one fetch response belong to aborted transactions: the algorithm of the Java client
 * (`CompletedFetch`). A broker lists every aborted transaction that overlaps the returned range, so nothing is carried from
 * one response to the next. Batches must come in order, each once.
 */
export class AbortedFilter {
  readonly #coming: readonly AbortedTransaction[];
  readonly #aborting = new Set<number>();
  #next = 0;

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = aborted.length > 1 ? [...aborted].sort((a, b) => a.firstOffset - b.firstOffset) : aborted;
  }

  /** Whether the records of this batch were aborted. A control batch moves the filter on and is never for users anyway. */
  drops(bytes: Buffer, header: BatchHeader): boolean {
    if (header.producerId < 0) return false;
    for (let one = this.#coming[this.#next]; one !== undefined && one.firstOffset <= header.lastOffset; ) {
      this.#aborting.add(one.producerId);
      one = this.#coming[++this.#next];
    }
    if (isControl(header)) {
      if (readMarker(bytes, header) === 'abort') this.#aborting.delete(header.producerId);
      return true;
    }
    return isTransactional(header) && this.#aborting.has(header.producerId);
  }
}

/** What a control batch says. Its checksum must have been checked. */
function readMarker(bytes: Buffer, header: BatchHeader): 'abort' | 'commit' | 'other' {
  // Compaction may leave the header of a marker whose transaction is gone.
  if (header.count === 0) return 'other';
  const cursor = new RecordCursor(bytes, header.start + BATCH_HEADER_BYTES, header.end);
  const intact = cursor.next() && cursor.keyEnd - cursor.keyStart >= 4;
  if (!intact) throw new BadBatch('records', header.baseOffset, 'a control batch without a marker');
  const type = bytes.readInt16BE(cursor.keyStart + 2);
  return type === 0 ? 'abort' : type === 1 ? 'commit' : 'other';
}
