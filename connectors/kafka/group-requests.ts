import { type Api, byTopic } from './api.ts';
import { WireWriter } from './wire.ts';

export interface CoordinatorResponse {
  errorCode: number;
  nodeId: number;
  host: string;
  port: number;
}

/** v2: the last version without tagged fields. Asks for the coordinator of a consumer group. */
export const findCoordinatorApi: Api<{ group: string }, CoordinatorResponse> = {
  name: 'FindCoordinator',
  key: 10,
  version: 2,
  flexible: false,
  encode: ({ group }) => new WireWriter().string(group).i8(0).done(),
  decode(reader) {
    reader.i32(); // throttle time
    const errorCode = reader.i16();
    reader.nullableString(); // message
    return { errorCode, nodeId: reader.i32(), host: reader.string(), port: reader.i32() };
  },
};

export interface OffsetCommitRequest {
  group: string;
  partitions: readonly { topic: string; partition: number; offset: number; leaderEpoch: number }[];
}

export interface PartitionResult {
  topic: string;
  partition: number;
  errorCode: number;
}

/** v7: the last version without tagged fields. Generation -1 and no member: for a group that nobody joins. */
export const offsetCommitApi: Api<OffsetCommitRequest, PartitionResult[]> = {
  name: 'OffsetCommit',
  key: 8,
  version: 7,
  flexible: false,
  encode({ group, partitions }) {
    const writer = new WireWriter();
    writer.string(group).i32(-1).string('').string(null);
    writer.array([...byTopic(partitions)], ([topic, ofTopic]) => {
      writer.string(topic).array(ofTopic, (one) => {
        writer.i32(one.partition).i64(one.offset).i32(one.leaderEpoch).string('');
      });
    });
    return writer.done();
  },
  decode(reader) {
    reader.i32(); // throttle time
    return reader
      .array(() => {
        const topic = reader.string();
        return reader.array(() => ({ topic, partition: reader.i32(), errorCode: reader.i16() }));
      })
      .flat();
  },
};

export interface OffsetFetchResponse {
  errorCode: number;
  partitions: { topic: string; partition: number; errorCode: number; offset: number; leaderEpoch: number }[];
}

/** v5: the last version without tagged fields. Offset -1 = the group has none. */
export const offsetFetchApi: Api<
  { group: string; partitions: readonly { topic: string; partition: number }[] },
  OffsetFetchResponse
> = {
  name: 'OffsetFetch',
  key: 9,
  version: 5,
  flexible: false,
  encode({ group, partitions }) {
    const writer = new WireWriter();
    writer.string(group).array([...byTopic(partitions)], ([topic, ofTopic]) => {
      writer.string(topic).array(ofTopic, (one) => writer.i32(one.partition));
    });
    return writer.done();
  },
  decode(reader) {
    reader.i32(); // throttle time
    const partitions = reader
      .array(() => {
        const topic = reader.string();
        return reader.array(() => {
          const partition = reader.i32();
          const offset = reader.i64();
          const leaderEpoch = reader.i32();
          reader.nullableString(); // metadata
          return { topic, partition, offset, leaderEpoch, errorCode: reader.i16() };
        });
      })
      .flat();
    return { errorCode: reader.i16(), partitions };
  },
};
