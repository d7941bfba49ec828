import { type WireReader, WireWriter } from '../../connectors/kafka/wire.ts';
import {
  type Answer,
  API_VERSIONS,
  type ClusterState,
  FETCH,
  FIND_COORDINATOR,
  LIST_OFFSETS,
  METADATA,
  type ModelRequest,
  type ModelTopic,
  OFFSET_COMMIT,
  OFFSET_FETCH,
  OFFSET_FOR_LEADER_EPOCH,
  Refusal,
} from './cluster-state.ts';
import { answerFetch } from './fetch-answer.ts';
import type { PartitionLog } from './partition-log.ts';

const TIMESTAMP_LATEST = -1;
const TIMESTAMP_EARLIEST = -2;

/** What a broker answers to one request, now. */
export function answer(state: ClusterState, request: ModelRequest): Answer {
  return request.apiKey === FETCH ? answerFetch(state, request) : { body: answerOther(state, request), waitMs: 0 };
}

function answerOther(state: ClusterState, request: ModelRequest): Buffer {
  switch (request.apiKey) {
    case API_VERSIONS:
      return apiVersions(state, request.apiVersion);
    case METADATA:
      return metadata(state, request.apiVersion, request.reader);
    case LIST_OFFSETS:
      return listOffsets(state, request);
    case OFFSET_FOR_LEADER_EPOCH:
      return epochEnds(state, request);
    case FIND_COORDINATOR:
      return findCoordinator(state);
    case OFFSET_COMMIT:
      return offsetCommit(state, request);
    case OFFSET_FETCH:
      return offsetFetch(state, request);
    default:
      throw new Error(`the model of the cluster knows no API ${request.apiKey}`);
  }
}

function apiVersions({ versions }: ClusterState, version: number): Buffer {
  const writer = new WireWriter().i16(0);
  const entries = Object.entries(versions).map(([key, [min, max]]) => [Number(key), min, max] as const);
  const write = ([key, min, max]: readonly [number, number, number]) => writer.i16(key).i16(min).i16(max);
  if (version < 3) return writer.array(entries, write).done();
  return writer
    .compactArray(entries, (entry) => write(entry).noTags())
    .i32(0)
    .noTags()
    .done();
}

/** Versions 7, 10 and 12. */
function metadata(state: ClusterState, version: number, reader: WireReader): Buffer {
  const flexible = version >= 9;
  const names = readNames(reader, flexible) ?? [...state.topics.keys()];
  const writer = new WireWriter().i32(0);
  const text = (value: string | null) => (flexible ? writer.compactString(value) : writer.string(value));
  const list = <T>(items: readonly T[], write: (item: T) => void) =>
    flexible ? writer.compactArray(items, write) : writer.array(items, write);
  const end = () => (flexible ? writer.noTags() : writer);
  list(state.running(), ([nodeId, { host, port }]) => {
    writer.i32(nodeId);
    text(host);
    writer.i32(port);
    text(null);
    end();
  });
  text(state.clusterId);
  writer.i32(state.coordinator() ?? -1);
  const writePartition = ([index, { leader, leaderEpoch }]: [number, PartitionLog]) => {
    writer.i16(leader < 0 ? Refusal.LEADER_NOT_AVAILABLE : Refusal.NONE);
    writer.i32(index).i32(leader).i32(leaderEpoch);
    for (let lists = 0; lists < 3; lists++) list([], () => {});
    end();
  };
  list(names, (name) => {
    const topic: ModelTopic | undefined = state.topics.get(name);
    writer.i16(topic === undefined ? Refusal.UNKNOWN_TOPIC_OR_PARTITION : Refusal.NONE);
    text(name);
    if (version >= 10) writer.raw(topic?.id ?? Buffer.alloc(16));
    writer.bool(name.startsWith('__'));
    list([...(topic?.partitions ?? []).entries()], writePartition);
    if (version >= 8) writer.i32(0);
    end();
  });
  if (version >= 8 && version <= 10) writer.i32(0);
  return end().done();
}

/** Undefined = all topics. */
function readNames(reader: WireReader, flexible: boolean): string[] | undefined {
  const names = flexible
    ? reader.compactArray(() => {
        reader.skip(16);
        const name = reader.compactString();
        reader.skipTags();
        return name;
      })
    : reader.array(() => reader.string());
  if (names.length > 0) return names;
  // Null means all topics, an empty list none; both read as no names.
  const isNull = flexible ? reader.bytes[reader.offset - 1] === 0 : reader.bytes.readInt32BE(reader.offset - 4) === -1;
  return isNull ? undefined : [];
}

interface AskedTopic<T> {
  topic: string;
  partitions: T[];
}

/** Requests and answers of many kinds are lists of partitions under their topics. */
function perPartition<T>(
  reader: WireReader,
  writer: WireWriter,
  read: () => T,
  write: (topic: string, one: T) => void,
) {
  const topics: AskedTopic<T>[] = reader.array(() => ({ topic: reader.string(), partitions: reader.array(read) }));
  writer.array(topics, ({ topic, partitions }) => {
    writer.string(topic).array(partitions, (one) => write(topic, one));
  });
}

/** v5. */
function listOffsets(state: ClusterState, { nodeId, reader }: ModelRequest): Buffer {
  reader.i32(); // replica
  const readCommitted = reader.i8() === 1;
  const writer = new WireWriter().i32(0);
  const read = () => ({ partition: reader.i32(), leaderEpoch: reader.i32(), timestampMs: reader.i64() });
  perPartition(reader, writer, read, (topic, one) => {
    const { log, error } = state.led(nodeId, { topic, ...one });
    const found = log === undefined ? undefined : offsetAt(log, one.timestampMs, readCommitted);
    writer
      .i32(one.partition)
      .i16(error)
      .i64(found?.timestampMs ?? -1);
    writer.i64(found?.offset ?? -1).i32(found?.leaderEpoch ?? -1);
  });
  return writer.done();
}

function offsetAt(
  log: PartitionLog,
  timestampMs: number,
  readCommitted: boolean,
): { offset: number; timestampMs: number; leaderEpoch: number } | undefined {
  const { leaderEpoch, earliestEpoch, logStartOffset } = log;
  const end = readCommitted ? log.lastStableOffset : log.endOffset;
  if (timestampMs === TIMESTAMP_EARLIEST)
    return { offset: logStartOffset, timestampMs: -1, leaderEpoch: earliestEpoch };
  if (timestampMs === TIMESTAMP_LATEST) return { offset: end, timestampMs: -1, leaderEpoch };
  const found = log.recordAt(timestampMs);
  return found !== undefined && found.offset < end ? found : undefined;
}

/** v3. */
function epochEnds(state: ClusterState, { nodeId, reader }: ModelRequest): Buffer {
  reader.i32(); // replica
  const writer = new WireWriter().i32(0);
  const read = () => ({ partition: reader.i32(), leaderEpoch: reader.i32(), asked: reader.i32() });
  perPartition(reader, writer, read, (topic, one) => {
    const { log, error } = state.led(nodeId, { topic, ...one });
    const end = log?.epochEnd(one.asked) ?? { leaderEpoch: -1, endOffset: -1 };
    writer.i16(error).i32(one.partition).i32(end.leaderEpoch).i64(end.endOffset);
  });
  return writer.done();
}

/** v2. */
function findCoordinator(state: ClusterState): Buffer {
  const nodeId = state.coordinator();
  const node = nodeId === undefined ? undefined : state.nodes.get(nodeId);
  const error = node === undefined ? Refusal.COORDINATOR_NOT_AVAILABLE : Refusal.NONE;
  const writer = new WireWriter()
    .i32(0)
    .i16(error)
    .string(null)
    .i32(nodeId ?? -1);
  return writer
    .string(node?.host ?? '')
    .i32(node?.port ?? -1)
    .done();
}

/** v7, for a group that nobody joins. */
function offsetCommit(state: ClusterState, { nodeId, reader }: ModelRequest): Buffer {
  const group = reader.string();
  reader.i32(); // generation
  reader.string(); // member
  reader.nullableString(); // its static name
  const error = nodeId === state.coordinator() ? Refusal.NONE : Refusal.NOT_COORDINATOR;
  const committed = state.groups.get(group) ?? new Map();
  if (error === Refusal.NONE) state.groups.set(group, committed);
  const writer = new WireWriter().i32(0);
  const read = () => {
    const one = { partition: reader.i32(), offset: reader.i64(), leaderEpoch: reader.i32() };
    reader.nullableString();
    return one;
  };
  perPartition(reader, writer, read, (topic, { partition, offset, leaderEpoch }) => {
    if (error === Refusal.NONE) committed.set(`${topic}/${partition}`, { offset, leaderEpoch });
    writer.i32(partition).i16(error);
  });
  return writer.done();
}

/** v5. */
function offsetFetch(state: ClusterState, { nodeId, reader }: ModelRequest): Buffer {
  const committed = state.groups.get(reader.string());
  const error = nodeId === state.coordinator() ? Refusal.NONE : Refusal.NOT_COORDINATOR;
  const writer = new WireWriter().i32(0);
  perPartition(
    reader,
    writer,
    () => reader.i32(),
    (topic, partition) => {
      const one = error === Refusal.NONE ? committed?.get(`${topic}/${partition}`) : undefined;
      writer.i32(partition).i64(one?.offset ?? -1);
      writer
        .i32(one?.leaderEpoch ?? -1)
        .string('')
        .i16(error);
    },
  );
  return writer.i16(error).done();
}
