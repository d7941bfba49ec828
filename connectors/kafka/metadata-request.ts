import type { Api } from './api.ts';
import type { VersionRange } from './version-request.ts';
import { type WireReader, WireWriter } from './wire.ts';

export interface MetadataResponse {
  brokers: { nodeId: number; host: string; port: number }[];
  clusterId: string | null;
  topics: TopicMetadata[];
}

export interface TopicMetadata {
  errorCode: number;
  topic: string;
  /** Tells a recreated topic from the old one; null from brokers before 2.8. */
  topicId: string | null;
  internal: boolean;
  partitions: PartitionMetadata[];
}

export interface PartitionMetadata {
  errorCode: number;
  partition: number;
  /** -1 = none now. */
  leader: number;
  leaderEpoch: number;
}

export interface MetadataRequest {
  /** null = every topic of the cluster. */
  topics: readonly string[] | null;
}

const NO_TOPIC_ID = Buffer.alloc(16);

/** v10 and later carry topic ids and are flexible. */
function flexibleMetadata(version: 10 | 12): Api<MetadataRequest, MetadataResponse> {
  const clusterOperations = version === 10;
  return {
    name: 'Metadata',
    key: 3,
    version,
    flexible: true,
    encode({ topics }) {
      const writer = new WireWriter();
      writer.compactArray(topics, (topic) => {
        writer.raw(NO_TOPIC_ID).compactString(topic).noTags();
      });
      writer.bool(false); // never creates topics
      if (clusterOperations) writer.bool(false);
      return writer.bool(false).noTags().done();
    },
    decode(reader) {
      reader.i32(); // throttle time
      const brokers = reader.compactArray(() => {
        const broker = { nodeId: reader.i32(), host: reader.compactString(), port: reader.i32() };
        reader.compactNullableString(); // rack
        reader.skipTags();
        return broker;
      });
      const clusterId = reader.compactNullableString();
      reader.i32(); // controller
      const topics = reader.compactArray(() => {
        const errorCode = reader.i16();
        const topic = reader.compactNullableString() ?? '';
        const topicId = readTopicId(reader);
        const internal = reader.bool();
        const partitions = reader.compactArray(() => readPartition(reader, (read) => reader.compactArray(read), true));
        reader.i32(); // authorized operations
        reader.skipTags();
        return { errorCode, topic, topicId, internal, partitions };
      });
      return { brokers, clusterId, topics };
    },
  };
}

/** v7: the last but one version without tagged fields; has leader epochs but no topic ids. */
export const metadataV7: Api<MetadataRequest, MetadataResponse> = {
  name: 'Metadata',
  key: 3,
  version: 7,
  flexible: false,
  encode({ topics }) {
    const writer = new WireWriter();
    return writer
      .array(topics, (topic) => writer.string(topic))
      .bool(false)
      .done();
  },
  decode(reader) {
    reader.i32(); // throttle time
    const brokers = reader.array(() => {
      const broker = { nodeId: reader.i32(), host: reader.string(), port: reader.i32() };
      reader.nullableString(); // rack
      return broker;
    });
    const clusterId = reader.nullableString();
    reader.i32(); // controller
    const topics = reader.array(() => {
      const errorCode = reader.i16();
      const topic = reader.string();
      const internal = reader.bool();
      const partitions = reader.array(() => readPartition(reader, (read) => reader.array(read), false));
      return { errorCode, topic, topicId: null, internal, partitions };
    });
    return { brokers, clusterId, topics };
  },
};

/** The newest Metadata version that this broker and we both know. */
export function metadataApiFor(range: VersionRange | undefined): Api<MetadataRequest, MetadataResponse> {
  if (range !== undefined && range.max >= 12) return METADATA_V12;
  if (range !== undefined && range.max >= 10) return METADATA_V10;
  return metadataV7;
}

const METADATA_V10 = flexibleMetadata(10);
const METADATA_V12 = flexibleMetadata(12);

function readTopicId(reader: WireReader): string | null {
  const at = reader.skip(16);
  const id = reader.bytes.subarray(at, at + 16);
  return id.equals(NO_TOPIC_ID) ? null : id.toString('base64url');
}

function readPartition(reader: WireReader, list: (read: () => number) => number[], tagged: boolean): PartitionMetadata {
  const one = { errorCode: reader.i16(), partition: reader.i32(), leader: reader.i32(), leaderEpoch: reader.i32() };
  list(() => reader.i32()); // replicas
  list(() => reader.i32()); // in sync
  list(() => reader.i32()); // offline
  if (tagged) reader.skipTags();
  return one;
}
