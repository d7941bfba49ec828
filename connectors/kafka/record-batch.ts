import {
  assert,
  type DecodedRecords,
  type RecordBatch,
  type RecordColumns,
  SluiceError,
  type ValueColumns,
} from '../../core/spi.ts';
import {
  BATCH_HEADER_BYTES,
  BadBatch,
  type BatchHeader,
  checkBatch,
  codecName,
  codecOf,
  hasLogAppendTime,
} from './batch.ts';
import { OutputTooLarge } from './codec-errors.ts';
import { decompress } from './codecs.ts';
import type { KafkaPosition } from './positions.ts';
import { RecordCursor, walkRecords, walkValues } from './records.ts';
import type { Inflation } from './request-size.ts';
import type { Scratch } from './scratch.ts';

/** What all batches of one partition in one frame share. */
export interface BatchSource {
  readonly split: string;
  readonly topic: string;
  readonly partition: number;
  /** The whole receive frame, the same object for all its batches. */
  readonly frame: Buffer;
  /** Records below were read before; a batch may begin below. */
  readonly offsetFrom: number;
  /** Records from here on are not wanted: the stop position. */
  readonly offsetTo: number;
  readonly decompressedBytesMax: number;
  /** Counts what is decompressed. */
  readonly inflation: Inflation;
  /** Where `decodeValues` decompresses to, one batch after the other. */
  readonly scratch: Scratch;
}

interface OpenRecords {
  bytes: Buffer;
  start: number;
  end: number;
}

/** One Kafka batch with at least one visible record. Checked and walked when it is used, so that its bytes are touched once. */
export class KafkaBatch implements RecordBatch {
  readonly split: string;
  readonly group: string;
  readonly index: number;
  readonly count: number;
  readonly #source: BatchSource;
  readonly #header: BatchHeader;
  /** Records of the batch before the first visible one. */
  readonly #skip: number;
  /** Where reading goes on after this batch; later than its last offset when markers and aborted batches follow. */
  #offsetNext: number;
  /** Of the last batch below that. */
  #leaderEpochNext: number;
  #checked = false;
  /** Offsets relative to the base, of batches with gaps only. */
  #offsetDeltas: Int32Array | undefined;

  /** Throws `BadBatch` when the visible records can only be counted by walking and the walk fails. */
  constructor(source: BatchSource, header: BatchHeader) {
    this.#source = source;
    this.#header = header;
    this.split = source.split;
    this.group = source.topic;
    this.index = source.partition;
    this.#leaderEpochNext = header.leaderEpoch;
    this.#offsetNext = Math.min(header.lastOffset + 1, source.offsetTo);

    const { baseOffset, lastOffset } = header;
    const { offsetFrom, offsetTo } = source;
    const whole = baseOffset >= offsetFrom && lastOffset < offsetTo;
    if (whole) {
      this.#skip = 0;
      this.count = header.count;
    } else if (!this.#hasGaps()) {
      this.#skip = Math.max(0, offsetFrom - baseOffset);
      this.count = Math.max(0, Math.min(lastOffset + 1, offsetTo) - baseOffset - this.#skip);
    } else {
      const deltas = this.#readOffsetDeltas();
      this.#skip = countBelow(deltas, offsetFrom - baseOffset);
      this.count = countBelow(deltas, offsetTo - baseOffset) - this.#skip;
    }
  }

  /** Batches without visible records follow this one, maybe of a newer leader: reading goes on behind them. */
  extendTo({ offset, leaderEpoch }: KafkaPosition): void {
    this.#offsetNext = offset;
    this.#leaderEpochNext = leaderEpoch;
  }

  /** Where reading goes on after the first `taken` records, with the epoch of what lies before it. */
  positionAfter(taken: number): KafkaPosition {
    const leaderEpoch = taken === this.count ? this.#leaderEpochNext : this.#header.leaderEpoch;
    return { offset: this.offsetAfter(taken), leaderEpoch };
  }

  get offsetFirst(): number {
    assert(this.count > 0, 'an empty batch has no first offset');
    const { baseOffset } = this.#header;
    if (!this.#hasGaps()) return baseOffset + this.#skip;
    return baseOffset + (this.#orExplain(() => this.#readOffsetDeltas())[this.#skip] as number);
  }

  offsetAfter(taken: number): number {
    assert(taken >= 0 && taken <= this.count, 'taken lies within the batch');
    if (taken === this.count) return this.#offsetNext;
    const { baseOffset } = this.#header;
    if (taken === 0) return Math.max(baseOffset, this.#source.offsetFrom);
    if (!this.#hasGaps()) return baseOffset + this.#skip + taken;
    return baseOffset + (this.#orExplain(() => this.#readOffsetDeltas())[this.#skip + taken - 1] as number) + 1;
  }

  decodeValues(into: ValueColumns): { bytes: Buffer; inPlace: boolean } {
    return this.#orExplain(() => {
      const open = this.#open(this.#source.scratch);
      // Packing will destroy them.
      if (this.#hasGaps()) this.#readOffsetDeltas(open);
      const { bytes, start, end } = open;
      const walkedTo = walkValues(bytes, start, end, this.#skip, this.count, into);
      if (walkedTo < 0) throw this.#brokenRecord(-1 - walkedTo);
      const { count } = this.#header;
      if (this.#skip + this.count === count && walkedTo !== end) throw this.#brokenRecord(count - 1);
      return { bytes, inPlace: codecOf(this.#header) === 0 };
    });
  }

  decodeRecords(into: RecordColumns): DecodedRecords {
    return this.#orExplain(() => {
      const header = this.#header;
      const { bytes, start, end } = this.#open(this.#source.scratch);
      const isLogAppendTime = hasLogAppendTime(header);
      const timestampMs = isLogAppendTime ? header.maxTimestampMs : header.baseTimestampMs;
      const base = { offset: header.baseOffset, timestampMs, isLogAppendTime };
      const walkedTo = walkRecords(bytes, start, end, { skip: this.#skip, count: this.count, base }, into);
      if (walkedTo < 0) throw this.#brokenRecord(-1 - walkedTo);
      if (this.#skip + this.count === header.count && walkedTo !== end) throw this.#brokenRecord(header.count - 1);
      const cursor = new RecordCursor(bytes, start, end);
      const headersOf = (index: number) => {
        const headers = cursor.headers(into.headersStart[index], into.headersEnd[index]);
        if (headers === undefined) throw this.#explain(this.#brokenRecord(this.#skip + index));
        return headers;
      };
      return { bytes, headersOf };
    });
  }

  #hasGaps(): boolean {
    return this.#header.count !== this.#header.lastOffset - this.#header.baseOffset + 1;
  }

  /** Checks the batch, once, and decompresses it: into memory of its own unless told otherwise. */
  #open(scratch?: Scratch): OpenRecords {
    const { frame, decompressedBytesMax, inflation } = this.#source;
    const header = this.#header;
    if (!this.#checked) checkBatch(frame, header);
    this.#checked = true;
    const start = header.start + BATCH_HEADER_BYTES;
    if (codecOf(header) === 0) return { bytes: frame, start, end: header.end };
    try {
      const compressed = frame.subarray(start, header.end);
      const bytes = decompress(codecOf(header), compressed, decompressedBytesMax, scratch);
      inflation.compressed += compressed.length;
      inflation.decompressed += bytes.length;
      return { bytes, start: 0, end: bytes.length };
    } catch (error) {
      const reason = error instanceof OutputTooLarge ? 'tooLarge' : 'records';
      throw new BadBatch(reason, header.baseOffset, `${codecName(header)}: ${(error as Error).message}`, error);
    }
  }

  #readOffsetDeltas(open?: OpenRecords): Int32Array {
    if (this.#offsetDeltas !== undefined) return this.#offsetDeltas;
    const { bytes, start, end } = open ?? this.#open();
    const cursor = new RecordCursor(bytes, start, end);
    const deltas = new Int32Array(this.#header.count);
    for (let index = 0; index < deltas.length; index++) {
      const rises = cursor.next() && cursor.offsetDelta > (index === 0 ? -1 : (deltas[index - 1] as number));
      if (!rises) throw this.#brokenRecord(index);
      deltas[index] = cursor.offsetDelta;
    }
    this.#offsetDeltas = deltas;
    return deltas;
  }

  #brokenRecord(index: number): BadBatch {
    const { baseOffset, count } = this.#header;
    return new BadBatch('records', baseOffset, `record ${index + 1} of ${count} is not where its length says`);
  }

  #orExplain<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): unknown {
    return error instanceof BadBatch ? badBatchError(error, this.split) : error;
  }
}

function countBelow(ascending: Int32Array, limit: number): number {
  let count = 0;
  while (count < ascending.length && (ascending[count] as number) < limit) count++;
  return count;
}

/** Says where a batch is broken and what can be done. */
export function badBatchError(bad: BadBatch, split: string): SluiceError {
  const at = `${split}: the batch at offset ${bad.offset}`;
  const details = { split, offset: bad.offset };
  switch (bad.reason) {
    case 'oldFormat':
      return new SluiceError('config', 'KAFKA_OLD_MESSAGE_FORMAT', {
        message: `${at} has ${bad.message}, which is not supported`,
        help: 'Copy the topic once with a client that rewrites it, or start behind those records.',
        details,
        cause: bad,
      });
    case 'tooLarge':
      return new SluiceError('rejected', 'KAFKA_BATCH_TOO_LARGE', {
        message: `${at} is too large: ${bad.message}`,
        help: 'If it is wanted, raise source.maxDecompressedBytes. If not, it may be a decompression bomb.',
        details,
        cause: bad,
      });
    case 'checksum':
    case 'format':
    case 'records':
      return new SluiceError('rejected', 'KAFKA_CORRUPT_BATCH', {
        message: `${at} is corrupt: ${bad.message}`,
        help: 'If another consumer reads it without error, the network or this machine damages data; if not, the broker has a damaged log segment.',
        details,
        cause: bad,
      });
  }
}
