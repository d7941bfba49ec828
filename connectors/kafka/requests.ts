import { type WireReader, WireWriter } from './wire.ts';

/** One request type in one version: how it is written and how its answer is read. */
export interface Api<Request, Response> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** Header with tagged fields (KIP-482). */
  readonly flexible: boolean;
  encode(request: Request): Buffer;
  decode(reader: WireReader): Response;
}

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

export interface VersionRange {
  min: number;
  max: number;
}

export interface ApiVersionsResponse {
  errorCode: number;
  ranges: Map<number, VersionRange>;
}

/** v3 has a flexible request and, as the only one, an old response header. A broker that does not know it answers in v0. */
export const apiVersionsApi: Api<{ clientVersion: string }, ApiVersionsResponse> = {
  name: 'ApiVersions',
  key: 18,
  version: 3,
  flexible: true,
  encode: ({ clientVersion }) => new WireWriter().compactString('sluice').compactString(clientVersion).noTags().done(),
  decode(reader) {
    const errorCode = reader.i16();
    const ranges = new Map<number, VersionRange>();
    const range = () => {
      ranges.set(reader.i16(), { min: reader.i16(), max: reader.i16() });
    };
    if (errorCode !== 0) {
      reader.array(range);
      return { errorCode, ranges };
    }
    reader.compactArray(() => {
      range();
      reader.skipTags();
    });
    return { errorCode, ranges };
  },
};

/** The way to ask a broker that does not know v3. */
export const apiVersionsApiV0: Api<{ clientVersion: string }, ApiVersionsResponse> = {
  name: 'ApiVersions',
  key: 18,
  version: 0,
  flexible: false,
  encode: () => Buffer.alloc(0),
  decode(reader) {
    const errorCode = reader.i16();
    const ranges = new Map<number, VersionRange>();
    reader.array(() => ranges.set(reader.i16(), { min: reader.i16(), max: reader.i16() }));
    return { errorCode, ranges };
  },
};

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
const metadataV7: Api<MetadataRequest, MetadataResponse> = {
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

/** What a broker must know at least, by the APIs above. */
export const REQUIRED_APIS: readonly Pick<Api<never, unknown>, 'name' | 'key' | 'version'>[] = [
  fetchApi,
  listOffsetsApi,
  metadataV7,
  offsetForLeaderEpochApi,
  findCoordinatorApi,
];

function isolation(readCommitted: boolean): number {
  return readCommitted ? 1 : 0;
}

/** Groups in the order in which topics first appear, since a topic may be named only once. */
function byTopic<T extends { topic: string }>(partitions: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of partitions) {
    const group = groups.get(one.topic);
    if (group === undefined) groups.set(one.topic, [one]);
    else group.push(one);
  }
  return groups;
}
