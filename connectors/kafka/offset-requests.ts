import { type Api, byTopic, isolation } from './api.ts';
import { WireWriter } from './wire.ts';

export const TIMESTAMP_LATEST = -1;
export const TIMESTAMP_EARLIEST = -2;

export interface ListOffsetsRequest {
  /** With it, "latest" is the last stable offset. */
  readCommitted: boolean;
  /** The same partition twice in one request is refused by brokers (42). */
  partitions: readonly { topic: string; partition: number; leaderEpoch: number; timestampMs: number }[];
}

export interface ListedOffset {
  topic: string;
  partition: number;
  errorCode: number;
  /** -1 = no record at or after the timestamp. */
  offset: number;
  leaderEpoch: number;
}

/** v5: the last version without tagged fields. */
export const listOffsetsApi: Api<ListOffsetsRequest, ListedOffset[]> = {
  name: 'ListOffsets',
  key: 2,
  version: 5,
  flexible: false,
  encode({ readCommitted, partitions }) {
    const writer = new WireWriter();
    writer.i32(-1).i8(isolation(readCommitted));
    writer.array([...byTopic(partitions)], ([topic, ofTopic]) => {
      writer.string(topic).array(ofTopic, (one) => {
        writer.i32(one.partition).i32(one.leaderEpoch).i64(one.timestampMs);
      });
    });
    return writer.done();
  },
  decode(reader) {
    reader.i32(); // throttle time
    return reader
      .array(() => {
        const topic = reader.string();
        return reader.array(() => {
          const partition = reader.i32();
          const errorCode = reader.i16();
          reader.i64(); // timestamp of the record found
          return { topic, partition, errorCode, offset: reader.i64(), leaderEpoch: reader.i32() };
        });
      })
      .flat();
  },
};

export interface EpochEndRequest {
  partitions: readonly { topic: string; partition: number; currentLeaderEpoch: number; leaderEpoch: number }[];
}

export interface EpochEnd {
  topic: string;
  partition: number;
  errorCode: number;
  /** The largest epoch not above the one asked for; -1 = none known. */
  leaderEpoch: number;
  /** Where that epoch ends; -1 = unknown. */
  endOffset: number;
}

/** v3: the last version without tagged fields. Tells whether a log still holds what was read from it (KIP-320). */
export const offsetForLeaderEpochApi: Api<EpochEndRequest, EpochEnd[]> = {
  name: 'OffsetForLeaderEpoch',
  key: 23,
  version: 3,
  flexible: false,
  encode({ partitions }) {
    const writer = new WireWriter();
    writer.i32(-1).array([...byTopic(partitions)], ([topic, ofTopic]) => {
      writer.string(topic).array(ofTopic, (one) => {
        writer.i32(one.partition).i32(one.currentLeaderEpoch).i32(one.leaderEpoch);
      });
    });
    return writer.done();
  },
  decode(reader) {
    reader.i32(); // throttle time
    return reader
      .array(() => {
        const topic = reader.string();
        return reader.array(() => {
          const errorCode = reader.i16();
          return {
            topic,
            errorCode,
            partition: reader.i32(),
            leaderEpoch: reader.i32(),
            endOffset: reader.i64(),
          };
        });
      })
      .flat();
  },
};
