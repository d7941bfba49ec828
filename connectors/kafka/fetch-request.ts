import { type Api, byTopic, isolation } from './api.ts';
import { type WireReader, WireWriter } from './wire.ts';

export interface FetchRequest {
  maxWaitMs: number;
  maxBytes: number;
  readCommitted: boolean;
  partitions: readonly FetchPartition[];
}

export interface FetchPartition {
  topic: string;
  partition: number;
  /** -1 = not checked by the broker. */
  leaderEpoch: number;
  offset: number;
  maxBytes: number;
}

/** An aborted transaction that overlaps the returned records. */
export interface AbortedTransaction {
  producerId: number;
  firstOffset: number;
}

export interface FetchedPartition {
  topic: string;
  partition: number;
  errorCode: number;
  highWatermark: number;
  lastStableOffset: number;
  logStartOffset: number;
  aborted: readonly AbortedTransaction[];
  /** The records' bytes lie at `start` to `end` of the reader's buffer. */
  start: number;
  end: number;
}

export interface FetchResponse {
  throttleMs: number;
  errorCode: number;
  partitions: FetchedPartition[];
}

/** v11: the last version without tagged fields. Sessionless: session id 0, epoch -1. */
export const fetchApi: Api<FetchRequest, FetchResponse> = {
  name: 'Fetch',
  key: 1,
  version: 11,
  flexible: false,
  encode({ maxWaitMs, maxBytes, readCommitted, partitions }) {
    const writer = new WireWriter(64 + partitions.length * 48);
    writer.i32(-1).i32(maxWaitMs).i32(1).i32(maxBytes).i8(isolation(readCommitted)).i32(0).i32(-1);
    writer.array([...byTopic(partitions)], ([topic, ofTopic]) => {
      writer.string(topic).array(ofTopic, (one) => {
        writer.i32(one.partition).i32(one.leaderEpoch).i64(one.offset).i64(-1).i32(one.maxBytes);
      });
    });
    return writer
      .array([], () => {})
      .string('')
      .done();
  },
  decode(reader) {
    const throttleMs = reader.i32();
    const errorCode = reader.i16();
    reader.i32(); // session id
    const partitions: FetchedPartition[] = [];
    reader.array(() => {
      const topic = reader.string();
      reader.array(() => partitions.push(readFetchedPartition(reader, topic)));
    });
    return { throttleMs, errorCode, partitions };
  },
};

function readFetchedPartition(reader: WireReader, topic: string): FetchedPartition {
  const partition = reader.i32();
  const errorCode = reader.i16();
  const highWatermark = reader.i64();
  const lastStableOffset = reader.i64();
  const logStartOffset = reader.i64();
  const aborted = reader.array(() => ({ producerId: reader.i64(), firstOffset: reader.i64() }));
  reader.i32(); // preferred read replica: only with a rack
  const bytes = Math.max(0, reader.i32());
  const start = reader.skip(bytes);
  return {
    topic,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    aborted,
    start,
    end: start + bytes,
  };
}
