import { SluiceError, type Split } from '../../core/spi.ts';
import type { Cluster } from './cluster.ts';
import { isPassing, refusedByBroker } from './errors.ts';
import { offsetFetchApi } from './group-requests.ts';
import { TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from './offset-requests.ts';
import { listOffsets } from './offsets.ts';
import type { KafkaPosition } from './positions.ts';
import type { StartSetting } from './settings.ts';

export interface StartContext {
  cluster: Cluster;
  start: StartSetting;
  readCommitted: boolean;
  signal: AbortSignal | undefined;
}

/** Where splits without a saved position begin, in the order given. */
export async function startPositions(
  splits: readonly Split[],
  why: 'first' | 'found',
  context: StartContext,
): Promise<KafkaPosition[]> {
  const { start } = context;
  // What appears in a topic already being read is read from its beginning: nothing of it was ever skipped on purpose.
  if (why === 'found' || start === 'earliest') return atTime(splits, TIMESTAMP_EARLIEST, context);
  if (start === 'latest') return atTime(splits, TIMESTAMP_LATEST, context);
  if ('timestamp' in start) return fromTime(splits, toMs(start.timestamp), context);
  if ('offsets' in start)
    return splits.map((split) => ({ offset: offsetFor(split, start.offsets, 'start'), leaderEpoch: -1 }));
  return fromGroup(splits, start, context);
}

/** The first record at or after a time; the end where there is none. */
export async function fromTime(
  splits: readonly Split[],
  timestampMs: number,
  context: Omit<StartContext, 'start'>,
): Promise<KafkaPosition[]> {
  const found = await atTime(splits, timestampMs, context);
  const without = splits.filter((_, index) => (found[index] as KafkaPosition).offset < 0);
  const ends = await atTime(without, TIMESTAMP_LATEST, context);
  return found.map((position) => (position.offset < 0 ? (ends.shift() as KafkaPosition) : position));
}

/** The offset at a time, `TIMESTAMP_EARLIEST` or `TIMESTAMP_LATEST`; -1 when there is no record after the time. */
export function atTime(
  splits: readonly Split[],
  timestampMs: number,
  { cluster, readCommitted, signal }: Omit<StartContext, 'start'>,
): Promise<KafkaPosition[]> {
  const questions = splits.map(({ group, index }) => ({ topic: group, partition: index, timestampMs }));
  return listOffsets(cluster, questions, { readCommitted, signal });
}

/** The configured offset of a split; a split that is left out is refused, since any other choice would skip or repeat. */
export function offsetFor(
  { id, group, index }: Split,
  offsets: Readonly<Record<string, Readonly<Record<string, number>>>>,
  setting: 'start' | 'stop',
): number {
  const offset = offsets[group]?.[String(index)];
  if (offset !== undefined) return offset;
  throw new SluiceError('config', 'KAFKA_OFFSET_MISSING', {
    message: `source.${setting}.offsets: no offset for partition ${id}`,
    help: `Name every partition: ${setting}: { offsets: { ${group}: { "${index}": 0 } } }`,
    details: { topic: group, partition: index },
  });
}

/** Milliseconds since 1970 of a timestamp setting. */
export function toMs(timestamp: number | string): number {
  // biome-ignore lint/style/noRestrictedGlobals: reads a date, not the clock
  return typeof timestamp === 'number' ? timestamp : Date.parse(timestamp);
}

async function fromGroup(
  splits: readonly Split[],
  { group, fallback }: { group: string; fallback: 'fail' | 'earliest' | 'latest' },
  context: StartContext,
): Promise<KafkaPosition[]> {
  const committed = await committedOffsets(splits, group, context);
  const without = splits.filter(({ id }) => !committed.has(id));
  const first = without[0];
  if (first !== undefined && fallback === 'fail') {
    throw new SluiceError('config', 'KAFKA_GROUP_WITHOUT_OFFSET', {
      message: `source.start.group: the group ${group} has committed no offset for ${without.map(({ id }) => id).join(', ')}`,
      help: 'Say where those partitions begin: start: { group: ..., fallback: earliest } (or latest).',
      details: { group, partitions: without.map(({ id }) => id) },
    });
  }
  const timestampMs = fallback === 'latest' ? TIMESTAMP_LATEST : TIMESTAMP_EARLIEST;
  const fallbacks = await atTime(without, timestampMs, context);
  return splits.map(({ id }) => committed.get(id) ?? (fallbacks.shift() as KafkaPosition));
}

async function committedOffsets(
  splits: readonly Split[],
  group: string,
  { cluster, signal }: StartContext,
): Promise<Map<string, KafkaPosition>> {
  const resource = `group ${group}`;
  const partitions = splits.map((split) => ({ topic: split.group, partition: split.index }));
  const answer = await cluster.persist(async () => {
    const coordinator = await cluster.groupCoordinator(group);
    if (coordinator.errorCode !== 0) throw refusedByBroker(coordinator.errorCode, { operation: 'Describe', resource });
    const fetched = await cluster.call(coordinator.nodeId, offsetFetchApi, { group, partitions });
    if (isPassing(fetched.errorCode)) throw refusedByBroker(fetched.errorCode, { operation: 'Describe', resource });
    return fetched;
  }, signal);
  if (answer.errorCode !== 0) throw refusedByBroker(answer.errorCode, { operation: 'Describe', resource });
  const committed = new Map<string, KafkaPosition>();
  for (const { topic, partition, errorCode, offset, leaderEpoch } of answer.partitions) {
    if (errorCode !== 0) throw refusedByBroker(errorCode, { operation: 'Describe', resource: `topic ${topic}` });
    if (offset >= 0) committed.set(`${topic}/${partition}`, { offset, leaderEpoch });
  }
  return committed;
}
