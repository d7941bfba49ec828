import { assert } from '../assert.ts';
import type { PositionCodec } from '../contract/source.ts';
import { SluiceError } from '../errors.ts';
import type { Slot, SlotKind, SlotSplit } from './slot.ts';

/** Every decision of the checkpoint log, made from nothing but what the store shows. Synchronous and pure. */

/** At most this many claims and finals in a row that moved nothing are kept by retention. */
const STANDING_STILL_MAX = 20;

/** What the listing after a successful create says. */
export type ListingVerdict =
  | { kind: 'owner' }
  /** A higher slot exists: somebody claimed, even if retention has already deleted what we then wrote again. */
  | { kind: 'fenced'; by: number }
  /** Our predecessor is gone and nothing is above us: the state was deleted under us. */
  | { kind: 'deleted'; missing: number };

/**
 * `listed`: the numbers in the log from `previous` on (for the first slot: all). Higher slots are looked for first, because
 * a fenced writer also finds its predecessor gone.
 */
export function judgeListing(listed: readonly number[], own: number, previous: number | undefined): ListingVerdict {
  const highest = listed.at(-1) ?? 0;
  if (highest > own) return { kind: 'fenced', by: highest };
  if (!listed.includes(own)) return { kind: 'deleted', missing: own };
  if (previous !== undefined && !listed.includes(previous)) return { kind: 'deleted', missing: previous };
  return { kind: 'owner' };
}

/** How long a start waits for rivals: `kindsNewestFirst` of the newest slots, `random` uniform in [0, 1). */
export function claimWaitMs(kindsNewestFirst: readonly SlotKind[], random: number): number {
  const firstOther = kindsNewestFirst.findIndex((kind) => kind !== 'claim');
  const claims = firstOther < 0 ? kindsNewestFirst.length : firstOther;
  return claims < 2 ? 0 : random * 1000 * Math.min(claims, 10);
}

/** Did this slot move a position against the one before? A settling slot and a claim do not. */
export function movedPosition(slot: Slot, previous: Slot | undefined): boolean {
  if (previous === undefined) return slot.kind !== 'claim';
  const before = new Map(previous.source.splits.map((split) => [split.id, JSON.stringify(split.position)]));
  return slot.source.splits.some((split) => before.get(split.id) !== JSON.stringify(split.position));
}

/** The slots that count: the longest run, ending at the newest, in which each names the one before as its `previous`. */
export function unbrokenSuffix<T extends Pick<Slot, 'seq' | 'previous'>>(slotsOldestFirst: readonly T[]): T[] {
  const newest = slotsOldestFirst.at(-1);
  if (newest === undefined) return [];
  const suffix = [newest];
  for (let i = slotsOldestFirst.length - 2; i >= 0; i--) {
    const slot = slotsOldestFirst[i] as T;
    if ((suffix[0] as T).previous?.seq !== slot.seq) break;
    suffix.unshift(slot);
  }
  return suffix;
}

/**
 * The numbers that retention may delete, oldest first. Keeps the newest `retain` slots that moved a position and everything
 * above the oldest of them; slots from `unsettledFrom` on do not count, as their handles are not all committed yet. Strays
 * below the unbroken suffix always go. Of claims and finals in a row that moved nothing at most 20 stay, or a crash loop or a
 * scheduled run without new records would fill the store; what lies below them then goes, as the suffix has no holes.
 */
export function planRetention(
  slotsOldestFirst: readonly Slot[],
  { retain, unsettledFrom = Number.POSITIVE_INFINITY }: { retain: number; unsettledFrom?: number },
): number[] {
  assert(
    slotsOldestFirst.every((slot, i) => i === 0 || (slotsOldestFirst[i - 1] as Slot).seq < slot.seq),
    'retention is asked about every slot once, in order',
  );
  const suffix = unbrokenSuffix(slotsOldestFirst);
  let moved = 0;
  let keepFrom = 0;
  let standingStill = 0;
  for (let i = suffix.length - 1; i > 0; i--) {
    const slot = suffix[i] as Slot;
    const hasMoved = movedPosition(slot, suffix[i - 1]);
    if (hasMoved) standingStill = 0;
    else if (slot.kind !== 'checkpoint') standingStill++;
    if (hasMoved && slot.seq < unsettledFrom) moved++;
    if (moved === retain || standingStill === STANDING_STILL_MAX) {
      keepFrom = i;
      break;
    }
  }
  const keep = new Set(suffix.slice(keepFrom).map((slot) => slot.seq));
  return slotsOldestFirst.map((slot) => slot.seq).filter((seq) => !keep.has(seq));
}

/**
 * Checks a slot about to be written, or the cluster found at a start, against the slot before: the same cluster, the same
 * topics, and no position that moved backwards. Throws `dataLoss`.
 */
export function checkContinuity<P>(
  before: { clusterId: string | null; splits: readonly SlotSplit[] },
  now: { clusterId: string | null; splits: readonly SlotSplit[] },
  codec: PositionCodec<P>,
  versions: { before: number; now: number },
): void {
  if (before.clusterId !== null && now.clusterId !== null && before.clusterId !== now.clusterId) {
    throw new SluiceError('dataLoss', 'CLUSTER_CHANGED', {
      message: `the saved offsets belong to Kafka cluster ${before.clusterId}, but the brokers are cluster ${now.clusterId}`,
      help: 'Point the pipeline at the old cluster, or give it another name to start over on the new one.',
      details: { saved: before.clusterId, found: now.clusterId },
    });
  }
  const found = new Map(now.splits.map((split) => [split.id, split]));
  for (const old of before.splits) {
    const split = found.get(old.id);
    if (split === undefined) continue;
    if (old.topicId !== null && split.topicId !== null && old.topicId !== split.topicId)
      throw topicRecreated(old, split);
    const [from, to] = [codec.decode(versions.before, old.position), codec.decode(versions.now, split.position)];
    if (codec.compare(to, from) < 0) {
      throw new SluiceError('dataLoss', 'POSITION_BACKWARDS', {
        message: `${old.id}: the position would move back from ${codec.offsetNext(from)} to ${codec.offsetNext(to)}`,
        help: 'This would repeat records. Please report it with the checkpoint log.',
        details: { split: old.id, from: codec.offsetNext(from), to: codec.offsetNext(to) },
      });
    }
  }
}

function topicRecreated(old: SlotSplit, now: SlotSplit): SluiceError {
  return new SluiceError('dataLoss', 'TOPIC_RECREATED', {
    message: `${old.id}: the topic ${old.group} was deleted and created again (topic id ${old.topicId}, now ${now.topicId})`,
    help: `Its saved offsets mean nothing any more. To read the new topic, give the pipeline another name.`,
    details: { split: old.id, saved: old.topicId, found: now.topicId },
  });
}
