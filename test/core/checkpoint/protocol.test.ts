import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkContinuity,
  claimWaitMs,
  judgeListing,
  movedPosition,
  planRetention,
  unbrokenSuffix,
} from '../../../core/checkpoint/protocol.ts';
import type { Slot, SlotKind } from '../../../core/checkpoint/slot.ts';
import { throwsWith } from '../support/expect.ts';
import { chainOf, offsets, type SlotFacts, slotOf, splitsAt } from '../support/slots.ts';

test('a listing of exactly the predecessor and the own slot proves ownership', () => {
  assert.deepEqual(judgeListing([6, 7], 7, 6), { kind: 'owner' });
  assert.deepEqual(judgeListing([1], 1, undefined), { kind: 'owner' });
});

test('a higher slot means fenced, and the highest one names by whom', () => {
  assert.deepEqual(judgeListing([6, 7, 8, 9], 7, 6), { kind: 'fenced', by: 9 });
});

test('a higher slot is looked for before a missing predecessor: a slot that retention deleted can be made again', () => {
  assert.deepEqual(judgeListing([7, 90], 7, 6), { kind: 'fenced', by: 90 });
  assert.deepEqual(judgeListing([90], 7, 6), { kind: 'fenced', by: 90 });
  assert.deepEqual(judgeListing([1, 90], 1, undefined), { kind: 'fenced', by: 90 });
});

test('without a higher slot a missing predecessor, or a missing own slot, means that the state was deleted', () => {
  assert.deepEqual(judgeListing([7], 7, 6), { kind: 'deleted', missing: 6 });
  assert.deepEqual(judgeListing([6], 7, 6), { kind: 'deleted', missing: 7 });
  assert.deepEqual(judgeListing([], 7, 6), { kind: 'deleted', missing: 7 });
});

test('property: a listing is judged owner only when it is exactly what the writer expects', () => {
  const listing = fc.uniqueArray(fc.integer({ min: 5, max: 12 })).map((seqs) => seqs.sort((a, b) => a - b));
  fc.assert(
    fc.property(listing, (listed) => {
      const verdict = judgeListing(listed, 7, 6);
      const above = listed.filter((seq) => seq > 7);
      if (above.length > 0) assert.deepEqual(verdict, { kind: 'fenced', by: above.at(-1) });
      else if (listed.includes(6) && listed.includes(7)) assert.deepEqual(verdict, { kind: 'owner' });
      else assert.equal(verdict.kind, 'deleted');
    }),
  );
});

test('a start that finds no claim or one claim does not wait', () => {
  assert.equal(claimWaitMs([], 0.9), 0);
  assert.equal(claimWaitMs(['final'], 0.9), 0);
  assert.equal(claimWaitMs(['claim', 'checkpoint'], 0.9), 0);
  assert.equal(claimWaitMs(['claim'], 0.9), 0);
  assert.equal(claimWaitMs(['checkpoint', 'claim', 'claim'], 0.9), 0);
});

test('from two claims in a row on a start waits a random time that grows with their number, up to ten', () => {
  assert.equal(claimWaitMs(['claim', 'claim', 'checkpoint'], 0.5), 1_000);
  assert.equal(claimWaitMs(Array<SlotKind>(7).fill('claim'), 0.5), 3_500);
  assert.equal(claimWaitMs(Array<SlotKind>(50).fill('claim'), 0.5), 5_000);
  assert.equal(claimWaitMs(['claim', 'claim'], 0), 0);
});

test('a slot moved a position when a split has another one, or is new', () => {
  const before = slotOf({ positions: { 'clicks/0': 5 } });

  assert.equal(movedPosition(slotOf({ positions: { 'clicks/0': 6 } }), before), true);
  assert.equal(movedPosition(slotOf({ positions: { 'clicks/0': 5, 'clicks/1': 0 } }), before), true);
  assert.equal(movedPosition(slotOf({ positions: { 'clicks/0': 5 } }), before), false);
});

test('the unbroken suffix ends where a slot does not name the one before', () => {
  const chain = chainOf([{}, {}, {}]);
  const stray = slotOf({ seq: 2 });
  const newest = slotOf({ seq: 90, previous: { seq: 89, sha256: 'a' } });

  assert.deepEqual(seqsOf(unbrokenSuffix(chain)), [1, 2, 3]);
  assert.deepEqual(seqsOf(unbrokenSuffix([stray, slotOf({ seq: 89, previous: null }), newest])), [89, 90]);
  assert.deepEqual(unbrokenSuffix([]), []);
});

const moving = (from: number, count: number): SlotFacts[] =>
  Array.from({ length: count }, (_, i) => ({ positions: { 'clicks/0': from + i } }));

test('retention keeps the newest checkpoints that moved a position, with the claims and settling slots between them', () => {
  const chain = chainOf([
    { kind: 'claim', positions: { 'clicks/0': 0 } },
    { positions: { 'clicks/0': 1 } },
    { positions: { 'clicks/0': 2 } },
    { positions: { 'clicks/0': 2 } },
    { kind: 'claim', positions: { 'clicks/0': 2 } },
    { positions: { 'clicks/0': 3 } },
    { positions: { 'clicks/0': 3 } },
  ]);

  assert.deepEqual(planRetention(chain, { retain: 2 }), [1, 2]);
  assert.deepEqual(planRetention(chain, { retain: 3 }), [1]);
  assert.deepEqual(planRetention(chain, { retain: 9 }), []);
});

test('checkpoints whose handles are not settled do not count, so the last settled ones stay', () => {
  const chain = chainOf(moving(0, 6));

  assert.deepEqual(planRetention(chain, { retain: 2 }), [1, 2, 3, 4]);
  assert.deepEqual(planRetention(chain, { retain: 2, unsettledFrom: 5 }), [1, 2]);
  assert.deepEqual(planRetention(chain, { retain: 2, unsettledFrom: 2 }), []);
});

test('strays below the unbroken suffix always go', () => {
  const strays = [slotOf({ seq: 2 }), slotOf({ seq: 3 })];
  const chain = [slotOf({ seq: 40, previous: { seq: 39, sha256: 'a' } }), slotOf({ seq: 41 })];

  assert.deepEqual(planRetention([...strays, ...chain], { retain: 3 }), [2, 3]);
});

test('of slots in a row that moved nothing at most twenty stay, so that crash loops and idle runs do not fill the store', () => {
  const claims = Array.from({ length: 30 }, () => ({ kind: 'claim', positions: { 'clicks/0': 3 } }) as const);
  const runs = Array.from({ length: 60 }, (_, i) => ({
    kind: i % 2 === 0 ? ('claim' as const) : ('final' as const),
    positions: { 'clicks/0': 3 },
  }));

  assert.equal(planRetention(chainOf([...moving(1, 3), ...claims]), { retain: 3 }).length, 13);
  assert.equal(planRetention(chainOf([...moving(1, 3), ...runs]), { retain: 3 }).length, 43);
});

test('property: retention deletes a prefix, keeps the newest slot and its predecessor, and leaves enough moved checkpoints', () => {
  const step = fc.record({ kind: fc.constantFrom<SlotKind>('claim', 'checkpoint', 'final'), by: fc.nat({ max: 2 }) });
  const steps = fc.array(step, { minLength: 1, maxLength: 15 });
  const limits = fc.record({ retain: fc.integer({ min: 2, max: 4 }), unsettledFrom: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(steps, limits, (moves, { retain, unsettledFrom }) => {
      let offset = 0;
      const facts = moves.map(({ kind, by }) => {
        offset += kind === 'claim' ? 0 : by;
        return { kind, positions: { 'clicks/0': offset } };
      });
      const chain = chainOf(facts);

      const deleted = planRetention(chain, { retain, unsettledFrom });

      assert.deepEqual(deleted, seqsOf(chain).slice(0, deleted.length));
      assert.ok(deleted.length <= Math.max(0, chain.length - 2));
      const settledMoved = chain.filter(
        (slot, i) => slot.seq < unsettledFrom && i > 0 && movedPosition(slot, chain[i - 1]),
      );
      const kept = settledMoved.filter((slot) => !deleted.includes(slot.seq));
      assert.ok(kept.length >= Math.min(retain, settledMoved.length));
      if (deleted.length > 0) assert.equal(kept.length, retain);
    }),
  );
});

const at = (positions: Record<string, number>, clusterId: string | null = 'cluster-a') => ({
  clusterId,
  splits: splitsAt(positions),
});
const versions = { before: 1, now: 1 };

test('positions that stay or go forward, parked splits and new splits are continuous', () => {
  checkContinuity(at({ 'clicks/0': 5, 'old/0': 9 }), at({ 'clicks/0': 5, 'clicks/1': 0 }), offsets, versions);
  checkContinuity(at({ 'clicks/0': 5 }), at({ 'clicks/0': 500 }), offsets, versions);
});

test('a position that would move back is data loss and names split and offsets', () => {
  const error = throwsWith(
    () => checkContinuity(at({ 'clicks/0': 5 }), at({ 'clicks/0': 4 }), offsets, versions),
    'dataLoss',
    'POSITION_BACKWARDS',
  );

  assert.match(error.message, /clicks\/0.* from 5 to 4/);
});

test('another cluster is data loss; a source that cannot tell its cluster is believed', () => {
  const error = throwsWith(
    () => checkContinuity(at({ 'clicks/0': 5 }), at({ 'clicks/0': 5 }, 'cluster-b'), offsets, versions),
    'dataLoss',
    'CLUSTER_CHANGED',
  );

  assert.match(error.message, /cluster-a.*cluster-b/);
  checkContinuity(at({ 'clicks/0': 5 }), at({ 'clicks/0': 5 }, null), offsets, versions);
});

test('a topic that was deleted and created again is data loss even when the position has not moved back', () => {
  const withId = (topicId: string | null) => ({
    clusterId: null,
    splits: splitsAt({ 'clicks/0': 5 }).map((split) => ({ ...split, topicId })),
  });

  throwsWith(() => checkContinuity(withId('t1'), withId('t2'), offsets, versions), 'dataLoss', 'TOPIC_RECREATED');
  checkContinuity(withId('t1'), withId('t1'), offsets, versions);
  checkContinuity(withId(null), withId('t1'), offsets, versions);
});

function seqsOf(slots: readonly Slot[]): number[] {
  return slots.map((slot) => slot.seq);
}
