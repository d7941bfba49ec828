import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Slot } from '../../../core/checkpoint/slot.ts';
import type { Verdict } from '../../../core/contract/sink.ts';
import { CoordinatorBench, committed, retryLater, TIMEOUT_MS } from '../support/coordinator-bench.ts';
import { failsWith, mustBe } from '../support/expect.ts';
import { keyOf, pendingOf, stored } from '../support/slots.ts';

const idsOf = ({ pending }: Slot) => pending.map(({ id }) => id);
const named = (slot: Slot) => slot.pending.map(({ payload }) => (payload as string[])[0]);

test('a handle is committed only after the slot that names it is durable', async () => {
  const bench = new CoordinatorBench();
  const create = bench.faults.hold('before', 'createIfAbsent');
  const list = bench.faults.hold('after', 'list');

  const cut = bench.cut(5, 'a');
  await create.reached;
  await bench.settle;
  assert.deepEqual(bench.commits, []);
  create.release();
  await list.reached;
  await bench.settle;
  assert.deepEqual(bench.commits, [], 'nor before the log is proven to be ours');
  list.release();
  await bench.virtual.run(cut);
  await bench.settle;

  assert.equal(bench.commits.length, 1);
});

test('what is settled leaves the log at once, by a settling slot with the same positions', async () => {
  const bench = new CoordinatorBench();

  await bench.virtual.run(bench.cut(5, 'a', 'b'));
  await bench.settle;

  assert.deepEqual(bench.seqs, [1, 2, 3]);
  assert.deepEqual(named(bench.slot(2)), ['a', 'b']);
  assert.deepEqual(named(bench.slot(3)), []);
  assert.deepEqual(bench.slot(3).source, bench.slot(2).source);
  assert.equal(bench.slot(3).kind, 'checkpoint');
  assert.equal(bench.slot(3).sinks.main.counter, 2);
});

test('a cut that comes before the settling slot settles instead', async () => {
  const bench = new CoordinatorBench();
  const commit = Promise.withResolvers<Verdict>();
  bench.answer = () => commit.promise;
  await bench.virtual.run(bench.cut(5, 'a'));
  const create = bench.faults.hold('before', 'createIfAbsent');
  const second = bench.cut(9, 'b');
  await create.reached;
  // The second cut was planned when `a` was not settled, so it carries it; the third finds it settled.
  const third = bench.cut(12, 'c');
  commit.resolve(committed);
  bench.answer = () => committed;
  await bench.settle;
  create.release();
  await bench.virtual.run(Promise.all([second, third]));
  await bench.settle;

  assert.deepEqual(named(bench.slot(3)), ['a', 'b']);
  assert.ok(!named(bench.slot(4)).includes('a'));
  assert.deepEqual(bench.failures, []);
});

test('a handle that has to wait is carried by every slot until it is settled, with the number that first named it', async () => {
  const bench = new CoordinatorBench();
  bench.answer = (handle) => (handle.payload[0] === 'slow' ? retryLater : committed);
  await bench.virtual.run(bench.cut(5, 'slow'));
  await bench.virtual.run(bench.cut(9, 'b'));
  await bench.settle;
  await bench.virtual.run(bench.cut(12));

  for (const seq of bench.seqs.slice(1)) {
    const slow = bench.slot(seq).pending.find(({ payload }) => (payload as string[])[0] === 'slow');
    assert.deepEqual([slow?.id, slow?.seq, slow?.epoch], ['main-00000001', 2, 1], `slot ${seq}`);
  }
  bench.answer = () => committed;
  await bench.virtual.advance(10_000);

  assert.deepEqual(idsOf(bench.coordinator.newest), []);
});

test('handles are numbered through the whole log, so that no two ever have the same id', async () => {
  const sinks = { main: { type: 'box', identity: 'box:a', state: [], counter: 41 } };
  const bench = new CoordinatorBench([{ kind: 'claim', sinks }]);
  bench.answer = () => retryLater;

  await bench.virtual.run(bench.cut(5, 'a', 'b'));
  await bench.virtual.run(bench.cut(6, 'c'));

  assert.deepEqual(idsOf(bench.coordinator.newest), ['main-00000042', 'main-00000043', 'main-00000044']);
});

test('cuts and settling slots are written one after the other, each naming the one before by its digest', async () => {
  const bench = new CoordinatorBench();

  const cuts = [bench.cut(5, 'a'), bench.cut(6, 'b'), bench.cut(7, 'c')];
  await bench.virtual.run(Promise.all(cuts));
  await bench.settle;

  for (const seq of bench.seqs.slice(1))
    assert.equal(bench.slot(seq).previous?.sha256, stored(bench.slot(seq - 1)).sha256, `slot ${seq}`);
});

test('a number whose write failed is never sent with other bytes, neither by a cut nor by a settling slot', async () => {
  const bench = new CoordinatorBench();
  const commit = Promise.withResolvers<Verdict>();
  bench.answer = () => commit.promise;
  await bench.virtual.run(bench.cut(5, 'a'));
  const sent = new Set<string>();
  const { createIfAbsent } = bench.store;
  bench.store.createIfAbsent = (key, bytes, options) => {
    if (key === keyOf(3)) sent.add(Buffer.from(bytes).toString());
    return createIfAbsent.call(bench.store, key, bytes, options);
  };
  bench.faults.refuse('createIfAbsent', { times: 1_000_000 });

  const cut = bench.cut(9, 'b');
  await bench.settle;
  commit.resolve(committed);
  const later = bench.cut(12, 'c');
  await failsWith(bench.virtual.run(cut), 'unavailable', 'AWAY');
  await failsWith(bench.virtual.run(later), 'unavailable', 'AWAY');
  await bench.settle;

  assert.equal(sent.size, 1);
  mustBe(bench.failures[0], 'unavailable', 'AWAY');
});

test('a number that somebody else wrote fences, and nothing of the cut is committed', async () => {
  const bench = new CoordinatorBench();
  bench.intrude(2);

  const error = await failsWith(bench.virtual.run(bench.cut(5, 'a')), 'fenced', 'FENCED');

  assert.match(error.message, /two \(pid 2/);
  assert.deepEqual(bench.commits, []);
});

test('a slot that would move a position back is never written', async () => {
  const bench = new CoordinatorBench([{ kind: 'claim', positions: { 'clicks/0': 7 } }]);

  await failsWith(bench.virtual.run(bench.cut(5, 'a')), 'dataLoss', 'POSITION_BACKWARDS');

  assert.deepEqual(bench.seqs, [1]);
});

test('an incarnation that is over writes no slot, even on a store that does not look at signals', async () => {
  const bench = new CoordinatorBench();
  const { createIfAbsent } = bench.store;
  bench.store.createIfAbsent = (key, bytes) => createIfAbsent.call(bench.store, key, bytes);
  bench.abort.abort();

  await assert.rejects(bench.virtual.run(bench.cut(5, 'a')));
  assert.deepEqual(bench.seqs, [1]);
});

test('a start commits what the claim carries before it resolves, and goes on when some of it has to wait', async () => {
  const pending = [
    pendingOf({ id: 'main-00000001', payload: ['a'] }),
    pendingOf({ id: 'main-00000002', payload: ['b'] }),
  ];
  const bench = new CoordinatorBench([{ pending }, { kind: 'claim', pending }]);
  bench.answer = (handle) => (handle.payload[0] === 'a' ? retryLater : committed);

  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;

  assert.deepEqual(bench.commits, ['main-00000001', 'main-00000002']);
  assert.deepEqual(idsOf(bench.coordinator.newest), ['main-00000001']);
});

test('a start whose carried commit hangs ends after the time a checkpoint may take', async () => {
  const pending = [pendingOf()];
  const bench = new CoordinatorBench([{ pending }, { kind: 'claim', pending }]);
  bench.answer = () => new Promise(() => {});

  await failsWith(bench.virtual.run(bench.coordinator.commitCarried()), 'rejected', 'COMMIT_STUCK');
  assert.equal(bench.virtual.nowMs, TIMEOUT_MS);
});

const lost: Verdict = { kind: 'lost', why: 'neither staged nor visible' };

test('a loss is believed only after a look for a newer slot: the successor may have committed it', async () => {
  const bench = new CoordinatorBench();
  bench.answer = () => {
    bench.intrude(9);
    return lost;
  };

  await bench.virtual.run(bench.cut(5, 'a'));
  await bench.settle;

  assert.equal(bench.failures.length, 1);
  mustBe(bench.failures[0], 'fenced', 'FENCED');
});

test('a loss with no newer slot is data loss with topic, partition and offsets, and what was committed beside it is settled', async () => {
  const bench = new CoordinatorBench();
  bench.answer = (handle) => (handle.payload[0] === 'gone' ? lost : committed);

  await bench.virtual.run(bench.cut(5, 'a', 'gone'));
  await bench.settle;

  const error = mustBe(bench.failures[0], 'dataLoss', 'COMMIT_LOST');
  assert.match(error.message, /clicks\/0 offsets 0 to 4/);
  assert.deepEqual(named(bench.slot(3)), ['gone']);
});

test('a carried loss ends the start: nothing is swept, nothing is read', async () => {
  const pending = [pendingOf()];
  const bench = new CoordinatorBench([{ pending }, { kind: 'claim', pending }]);
  bench.answer = () => lost;

  await assert.rejects(bench.virtual.run(bench.coordinator.commitCarried()));

  mustBe(bench.failures[0], 'dataLoss', 'COMMIT_LOST');
  assert.deepEqual(bench.sweeps, []);
});

test('positions are announced once everything up to them is durable and visible, and not before', async () => {
  const bench = new CoordinatorBench();
  const slow = Promise.withResolvers<Verdict>();
  bench.answer = (handle) => (handle.payload[0] === 'slow' ? slow.promise : committed);

  await bench.virtual.run(bench.cut(5, 'a'));
  await bench.settle;
  assert.deepEqual(bench.visible, [0, 5]);
  await bench.virtual.run(bench.cut(9, 'slow'));
  await bench.virtual.run(bench.cut(12, 'c'));
  await bench.settle;
  assert.deepEqual(bench.visible, [0, 5]);
  slow.resolve(committed);
  await bench.settle;

  assert.deepEqual(bench.visible, [0, 5, 9, 12]);
});

test('a claim with pending handles is announced only once they are visible', async () => {
  const pending = [pendingOf()];
  const bench = new CoordinatorBench([
    { pending, positions: { 'clicks/0': 7 } },
    { kind: 'claim', pending, positions: { 'clicks/0': 7 } },
  ]);
  const commit = Promise.withResolvers<Verdict>();
  bench.answer = () => commit.promise;

  const start = bench.coordinator.commitCarried();
  await bench.settle;
  assert.deepEqual(bench.visible, []);
  commit.resolve(committed);
  await bench.virtual.run(start);
  await bench.settle;

  assert.deepEqual(bench.visible, [7]);
});

test('reading waits while more than ten checkpoints have output that is not committed, and goes on when it is', async () => {
  const bench = new CoordinatorBench();
  bench.answer = () => retryLater;
  const never = new AbortController().signal;
  for (let offset = 1; offset <= 10; offset++) await bench.virtual.run(bench.cut(offset, `${offset}`));
  await bench.virtual.run(bench.coordinator.roomForMore(never));
  await bench.virtual.run(bench.cut(11, '11'));

  const room = bench.coordinator.roomForMore(never);
  let isThere = false;
  room.then(() => {
    isThere = true;
  });
  await bench.virtual.advance(5_000);
  assert.equal(isThere, false);
  bench.answer = () => committed;

  await bench.virtual.run(room, { limitMs: 20_000 });
});

test('settling slots do not count as checkpoints that wait', async () => {
  const bench = new CoordinatorBench();
  bench.answer = (handle) => (handle.payload[0] === 'slow' ? retryLater : committed);
  await bench.virtual.run(bench.cut(1, 'slow'));
  for (let offset = 2; offset <= 9; offset++) {
    await bench.virtual.run(bench.cut(offset, `${offset}`));
    await bench.settle;
  }
  assert.ok(bench.coordinator.newest.seq > 15);
  const atMs = bench.virtual.nowMs;

  await bench.virtual.run(bench.coordinator.roomForMore(new AbortController().signal));

  assert.equal(bench.virtual.nowMs, atMs);
});

test('a stop ends the wait for room at once', async () => {
  const bench = new CoordinatorBench();
  bench.answer = () => retryLater;
  for (let offset = 1; offset <= 11; offset++) await bench.virtual.run(bench.cut(offset, `${offset}`));
  const stop = new AbortController();
  const room = bench.coordinator.roomForMore(stop.signal);
  await bench.settle;
  const atMs = bench.virtual.nowMs;

  stop.abort();
  await bench.virtual.run(room);

  assert.equal(bench.virtual.nowMs, atMs);
});

test('output that stays uncommitted for longer than a checkpoint may take ends with the cause', async () => {
  const bench = new CoordinatorBench();
  bench.answer = () => retryLater;
  for (let offset = 1; offset <= 11; offset++) await bench.virtual.run(bench.cut(offset, `${offset}`));

  const error = await failsWith(
    bench.virtual.run(bench.coordinator.roomForMore(new AbortController().signal)),
    'unavailable',
    'COMMIT_STUCK',
  );

  assert.match(error.message, /11 staged files could not be committed: the store does not answer/);
});

test('an orderly end waits for the last commit and closes the log with a final slot without pending handles', async () => {
  const bench = new CoordinatorBench();
  bench.answer = () => retryLater;
  await bench.virtual.run(bench.cut(5, 'a'));
  const end = bench.coordinator.finish();
  await bench.virtual.advance(1_000);
  assert.notEqual(bench.coordinator.newest.kind, 'final');

  bench.answer = () => committed;
  await bench.virtual.run(end);

  const { kind, pending, source } = bench.coordinator.newest;
  assert.deepEqual([kind, pending, source.splits[0]?.position], ['final', [], { offset: 5 }]);
});

test('an orderly end whose last commit never comes ends with the cause', async () => {
  const bench = new CoordinatorBench();
  bench.answer = () => retryLater;
  await bench.virtual.run(bench.cut(5, 'a'));

  await failsWith(bench.virtual.run(bench.coordinator.finish()), 'unavailable', 'COMMIT_STUCK');
});

test('after a stop no timer is left, and nothing is committed or aborted', async () => {
  const bench = new CoordinatorBench();
  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;
  const sweeps = bench.sweeps.length;

  bench.abort.abort();
  bench.coordinator.stop();

  await assert.rejects(bench.virtual.run(new Promise(() => {})), /nothing is left to happen/);
  assert.deepEqual([bench.sweeps.length, bench.commits.length], [sweeps, 0]);
});
