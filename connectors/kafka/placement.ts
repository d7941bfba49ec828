import { SluiceError } from '../../core/spi.ts';
import { type Cluster, placeOf } from './cluster.ts';
import { isPassing, KafkaCode, nameOf, refusedByBroker } from './errors.ts';
import type { MetadataResponse } from './metadata-request.ts';
import { type EpochEnd, offsetForLeaderEpochApi } from './offset-requests.ts';
import type { ReadSplit } from './read-split.ts';
import type { KafkaSourceSettings } from './settings.ts';
import { stopOffsets } from './stop.ts';

/** Metadata may miss a topic for moments after changes in the cluster; longer means that it is deleted. */
const DELETED_AFTER_MS = 5_000;

export interface PlacementContext {
  cluster: Cluster;
  settings: Pick<KafkaSourceSettings, 'stop' | 'isolation' | 'onDeletedTopic'>;
  nowMs(): number;
  signal: AbortSignal;
}

/** What one look says about one split. */
export type Placed =
  | { kind: 'fetch'; nodeId: number; leaderEpoch: number }
  | { kind: 'done' }
  | { kind: 'ignored' }
  | { kind: 'again'; why: string }
  | { kind: 'failed'; error: SluiceError };

/**
 * Finds out where splits are read, once: leader by fresh metadata, same topic as before, stop position, and whether the
 * log still holds what was read from it. Throws when nobody could be asked.
 */
export async function placeSplits(
  splits: readonly ReadSplit[],
  context: PlacementContext,
): Promise<Map<ReadSplit, Placed>> {
  const { cluster, signal } = context;
  const topics = [...new Set(splits.map(({ split }) => split.group))];
  const metadata = await cluster.metadata(topics);
  const placed = new Map<ReadSplit, Placed>();
  for (const one of splits) placed.set(one, placeByMetadata(one, metadata, context));

  const led = splits.filter((one) => placed.get(one)?.kind === 'fetch');
  await resolveStops(led, context);
  signal.throwIfAborted();
  for (const one of led) if (one.position.offset >= (one.offsetTo as number)) placed.set(one, { kind: 'done' });

  await verifyHistory(
    led.filter((one) => placed.get(one)?.kind === 'fetch'),
    placed,
    cluster,
  );
  return placed;
}

function placeByMetadata(one: ReadSplit, metadata: MetadataResponse, { settings, nowMs }: PlacementContext): Placed {
  const { split } = one;
  const topic = metadata.topics.find((found) => found.topic === split.group);
  if (topic === undefined || topic.errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) {
    one.missingSinceMs ??= nowMs();
    if (nowMs() - one.missingSinceMs < DELETED_AFTER_MS)
      return { kind: 'again', why: 'the topic is not in the metadata' };
    return settings.onDeletedTopic === 'ignore' ? { kind: 'ignored' } : { kind: 'failed', error: deletedTopic(one) };
  }
  one.missingSinceMs = undefined;
  if (split.identity !== null && topic.topicId !== null && topic.topicId !== split.identity) {
    return { kind: 'failed', error: recreatedTopic(one, topic.topicId) };
  }
  if (topic.errorCode !== 0 && !isPassing(topic.errorCode)) {
    const resource = `topic ${split.group}`;
    return { kind: 'failed', error: refusedByBroker(topic.errorCode, { operation: 'Describe', resource }) };
  }
  const place = placeOf(topic, split.index);
  if (place.kind === 'nowhere') return { kind: 'again', why: place.why };
  return { kind: 'fetch', nodeId: place.nodeId, leaderEpoch: place.leaderEpoch };
}

/** Once per split: a stop that moved on while reading would never be reached. */
async function resolveStops(led: readonly ReadSplit[], { cluster, settings, signal }: PlacementContext): Promise<void> {
  const open = led.filter((one) => one.offsetTo === undefined);
  const { stop } = settings;
  if (stop === undefined) {
    for (const one of open) one.offsetTo = Number.POSITIVE_INFINITY;
    return;
  }
  const readCommitted = settings.isolation === 'read_committed';
  const offsets = await stopOffsets(
    open.map(({ split }) => split),
    stop,
    { cluster, readCommitted, signal },
  );
  for (const [index, one] of open.entries()) one.offsetTo = offsets[index] as number;
}

/** Compares the epoch of what was read last with the leader's log (KIP-320), whenever the leader's epoch is a new one. */
async function verifyHistory(
  led: readonly ReadSplit[],
  placed: Map<ReadSplit, Placed>,
  cluster: Cluster,
): Promise<void> {
  const byLeader = new Map<number, ReadSplit[]>();
  for (const one of led) {
    const place = placed.get(one);
    if (place?.kind !== 'fetch' || one.position.leaderEpoch < 0 || one.verifiedLeaderEpoch === place.leaderEpoch)
      continue;
    const ofLeader = byLeader.get(place.nodeId) ?? [];
    ofLeader.push(one);
    byLeader.set(place.nodeId, ofLeader);
  }
  await Promise.all(
    [...byLeader].map(async ([nodeId, ofLeader]) => {
      const partitions = ofLeader.map(({ split, position }) => ({
        topic: split.group,
        partition: split.index,
        currentLeaderEpoch: -1,
        leaderEpoch: position.leaderEpoch,
      }));
      const ends = await cluster.call(nodeId, offsetForLeaderEpochApi, { partitions });
      for (const one of ofLeader) {
        const end = ends.find(({ topic, partition }) => topic === one.split.group && partition === one.split.index);
        const place = placed.get(one) as Placed & { kind: 'fetch' };
        const verdict = compareHistory(one, end);
        if (verdict === undefined) one.verifiedLeaderEpoch = place.leaderEpoch;
        else placed.set(one, verdict);
      }
    }),
  );
}

/** Undefined = the log holds everything below our position that we have read. */
function compareHistory(
  { split, position }: Pick<ReadSplit, 'split' | 'position'>,
  end: EpochEnd | undefined,
): Placed | undefined {
  if (end === undefined) return { kind: 'again', why: 'no answer about the leader epoch' };
  if (isPassing(end.errorCode)) return { kind: 'again', why: nameOf(end.errorCode) };
  if (end.errorCode !== 0) {
    const error = refusedByBroker(end.errorCode, { operation: 'Describe', resource: `topic ${split.group}` });
    return { kind: 'failed', error };
  }
  // No end means that the leader knows no such epoch: what was read under it is not in its log.
  if (end.endOffset >= position.offset) return undefined;
  const { offset, leaderEpoch } = position;
  const error = new SluiceError('dataLoss', 'KAFKA_LOG_TRUNCATED', {
    message:
      end.endOffset < 0
        ? `${split.id}: the next offset to read is ${offset}, but the leader's log knows nothing of leader epoch ${leaderEpoch}, from which the records before it were read`
        : `${split.id}: the next offset to read is ${offset}, but the log of leader epoch ${leaderEpoch} ends at ${end.endOffset} now`,
    help: 'The topic lost records that were read before, usually by an unclean leader election, and other records may have their offsets now. Decide where to go on.',
    details: { split: split.id, offset, leaderEpoch, endOffset: end.endOffset },
  });
  return { kind: 'failed', error };
}

function deletedTopic({ split }: ReadSplit): SluiceError {
  return new SluiceError('dataLoss', 'KAFKA_TOPIC_DELETED', {
    message: `${split.id}: topic ${split.group} was deleted while it was read`,
    help: 'Records that were not read yet are gone. To go on with the other topics set source.onDeletedTopic: ignore, or remove the topic from source.topics.',
    details: { topic: split.group },
  });
}

function recreatedTopic({ split, position }: ReadSplit, topicId: string): SluiceError {
  return new SluiceError('dataLoss', 'KAFKA_TOPIC_RECREATED', {
    message: `${split.id}: topic ${split.group} was deleted and made again (id ${topicId} instead of ${split.identity}), so offset ${position.offset} means nothing in it`,
    help: 'Read the new topic with a new pipeline name, or decide where to go on in it.',
    details: { topic: split.group, was: split.identity, is: topicId },
  });
}
