import { type WireReader, WireWriter } from '../../connectors/kafka/wire.ts';
import { type Answer, type ClusterState, type ModelRequest, Refusal } from './cluster-state.ts';
import type { PartitionLog } from './partition-log.ts';

interface AskedPartition {
  topic: string;
  partition: number;
  leaderEpoch: number;
  offset: number;
  bytesMax: number;
}

interface AskedTopic {
  topic: string;
  partitions: AskedPartition[];
}

interface Bounds {
  readCommitted: boolean;
  /** Of the whole answer; counts down. */
  left: number;
  /** Some partition has records or an error, which is not worth waiting for more. */
  found: boolean;
}

/** Fetch v11. Only the first records of an answer may exceed its bounds. */
export function answerFetch(state: ClusterState, { nodeId, reader }: ModelRequest): Answer {
  reader.i32(); // replica
  const maxWaitMs = reader.i32();
  const bytesMin = reader.i32();
  const left = reader.i32();
  const readCommitted = reader.i8() === 1;
  reader.i32(); // session
  reader.i32(); // its epoch
  const asked = reader.array(() => readAsked(reader));
  const bounds: Bounds = { readCommitted, left, found: false };
  const writer = new WireWriter(1024).i32(0).i16(0).i32(0);
  writer.array(asked, ({ topic, partitions }) => {
    writer.string(topic).array(partitions, (one) => {
      const found = find(state, one, nodeId);
      if (typeof found === 'number') writeError(writer, one, found, bounds);
      else writeRecords(writer, one, found, bounds, state.readsFrom(one.offset));
    });
  });
  return { body: writer.done(), waitMs: bounds.found || bytesMin === 0 ? 0 : maxWaitMs };
}

function readAsked(reader: WireReader): AskedTopic {
  const topic = reader.string();
  const partitions = reader.array(() => {
    const partition = reader.i32();
    const leaderEpoch = reader.i32();
    const offset = reader.i64();
    reader.i64(); // where the log of a follower begins
    return { topic, partition, leaderEpoch, offset, bytesMax: reader.i32() };
  });
  return { topic, partitions };
}

/** The log to read, or why there is nothing to read. */
function find(state: ClusterState, asked: AskedPartition, nodeId: number): PartitionLog | number {
  const { log, error } = state.led(nodeId, asked);
  if (log === undefined) return error;
  const planned = takePlanned(state, asked);
  if (planned !== undefined) return planned;
  const { offset } = asked;
  return offset < log.logStartOffset || offset > log.endOffset ? Refusal.OFFSET_OUT_OF_RANGE : log;
}

function writeRecords(
  writer: WireWriter,
  asked: AskedPartition,
  log: PartitionLog,
  bounds: Bounds,
  readsFrom: number,
): void {
  const offset = Math.max(log.logStartOffset, readsFrom);
  const { readCommitted } = bounds;
  const limit = readCommitted ? log.lastStableOffset : log.endOffset;
  const bytesMax = Math.min(bounds.left, asked.bytesMax);
  const { pieces, bytes, endOffset } = log.read(offset, { limit, bytesMax, atLeastOne: !bounds.found });
  if (bytes > 0) bounds.found = true;
  bounds.left = Math.max(0, bounds.left - bytes);
  writer.i32(asked.partition).i16(Refusal.NONE).i64(log.endOffset).i64(log.lastStableOffset).i64(log.logStartOffset);
  writer.array(readCommitted ? log.abortedIn(offset, endOffset) : null, ({ producerId, firstOffset }) => {
    writer.i64(producerId).i64(firstOffset);
  });
  writer.i32(-1).i32(bytes);
  for (const piece of pieces) writer.raw(piece);
}

function takePlanned(state: ClusterState, { topic, partition }: AskedPartition): number | undefined {
  if (state.fetchErrors.size === 0) return undefined;
  const split = `${topic}/${partition}`;
  const planned = state.fetchErrors.get(split);
  state.fetchErrors.delete(split);
  return planned;
}

function writeError(writer: WireWriter, { partition }: AskedPartition, error: number, bounds: Bounds): void {
  bounds.found = true;
  writer.i32(partition).i16(error).i64(-1).i64(-1).i64(-1);
  writer
    .array([], () => {})
    .i32(-1)
    .i32(0);
}
