import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSlot } from '../../../core/checkpoint/slot.ts';
import { CoordinatorBench, offsetOf, retryLater } from '../support/coordinator-bench.ts';
import { keyOf, pendingOf, slotOf } from '../support/slots.ts';

test('retention deletes the oldest slots once newer ones are settled, and keeps the chain whole', async () => {
  const bench = new CoordinatorBench(undefined, { retain: 2 });
  await bench.virtual.run(bench.coordinator.commitCarried());
  for (let offset = 1; offset <= 6; offset++) {
    await bench.virtual.run(bench.cut(offset, `${offset}`));
    await bench.settle;
  }

  const { seqs } = bench;
  assert.deepEqual(seqs, [10, 11, 12, 13]);
  assert.deepEqual(bench.slot(10).source.splits[0]?.position, { offset: 5 });
});

test('retention that reads older slots while new ones are written loses track of none', async () => {
  const bench = new CoordinatorBench(
    [
      ...Array.from({ length: 4 }, (_, i) => ({ positions: { 'clicks/0': i } })),
      { kind: 'claim', positions: { 'clicks/0': 3 } },
    ],
    { retain: 3 },
  );
  const read = bench.faults.hold('before', 'get', { key: keyOf(3) });
  const start = bench.coordinator.commitCarried();
  await read.reached;

  await bench.virtual.run(bench.cut(5, 'a'));
  read.release();
  await bench.virtual.run(start);
  await bench.virtual.run(bench.cut(6, 'b'));
  await bench.settle;
  await bench.virtual.run(bench.cut(7, 'c'));
  await bench.settle;

  const moved = [5, 6, 7];
  const kept = bench.seqs.map((seq) => offsetOf(bench.slot(seq).source.splits));
  assert.deepEqual([...new Set(kept)].slice(-3), moved);
  assert.deepEqual(
    bench.seqs,
    Array.from({ length: bench.seqs.length }, (_, i) => (bench.seqs[0] as number) + i),
    'no holes',
  );
});

test('a delete that fails is made up for after the next checkpoint', async () => {
  const bench = new CoordinatorBench(undefined, { retain: 2 });
  await bench.virtual.run(bench.coordinator.commitCarried());
  bench.faults.refuse('delete', { times: 3 });
  for (let offset = 1; offset <= 6; offset++) {
    await bench.virtual.run(bench.cut(offset, `${offset}`));
    await bench.settle;
  }

  assert.deepEqual(bench.seqs, [10, 11, 12, 13]);
  assert.deepEqual(bench.failures, []);
});

test('the sweep keeps every handle that any retained slot names, and touches only older epochs', async () => {
  const bench = new CoordinatorBench([
    { pending: [pendingOf({ id: 'main-00000001' })] },
    { pending: [pendingOf({ id: 'main-00000002' })] },
    { kind: 'claim' },
  ]);

  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;

  assert.equal(bench.sweeps.length, 1);
  const [{ scope, keep }] = bench.sweeps as [CoordinatorBench['sweeps'][number]];
  assert.deepEqual(keep, ['main-00000001', 'main-00000002']);
  assert.deepEqual(scope, { pipeline: 'clicks', lineage: '0123456789abcdef', layout: 1, shard: 0, epochBelow: 3 });
});

test('the sweep keeps every part that any retained slot names as open', async () => {
  const open = (name: string) => ({
    main: { type: 'box', identity: 'box:a', state: [{ version: 1, value: [name] }], counter: 0 },
  });
  const bench = new CoordinatorBench([{ sinks: open('a') }, { sinks: open('b') }, { kind: 'claim', sinks: open('b') }]);

  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;

  assert.deepEqual(new Set(bench.sweeps[0]?.open.flat()), new Set(['a', 'b']));
});

test('what older slots name in a sink that the pipeline has left does not keep the sweep from its work', async () => {
  const elsewhere = { main: { type: 'other', identity: 'other:a', state: [], counter: 0 } };
  const unreadable = pendingOf({ version: 7, payload: { written: 'by another connector' } });
  const bench = new CoordinatorBench([
    { sinks: elsewhere, pending: [unreadable] },
    { pending: [pendingOf({ id: 'main-00000002' })] },
    { kind: 'claim' },
  ]);

  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;

  assert.deepEqual(bench.sweeps[0]?.keep, ['main-00000002']);
});

test('the sweep keeps what is pending even when every slot that names it is deleted while it looks', async () => {
  const pending = [pendingOf()];
  const bench = new CoordinatorBench([{ pending }, { kind: 'claim', pending }]);
  bench.answer = () => retryLater;
  bench.faults.at('after', 'list', {}, () => bench.store.objects.clear());

  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;

  assert.deepEqual(bench.sweeps[0]?.keep, ['main-00000001']);
});

test('the sweep comes again every ten minutes, and a failed one is no reason to end', async () => {
  const bench = new CoordinatorBench();
  bench.faults.refuse('list', { times: 2 });
  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;
  assert.equal(bench.sweeps.length, 0);

  await bench.virtual.advance(1_200_001);

  assert.equal(bench.sweeps.length, 2);
  assert.deepEqual(bench.failures, []);
});

test('a slot that a paused writer makes again below ours goes with the next sweep, and so does what only it names', async () => {
  const bench = new CoordinatorBench(undefined, { retain: 2 });
  await bench.virtual.run(bench.coordinator.commitCarried());
  for (let offset = 1; offset <= 6; offset++) {
    await bench.virtual.run(bench.cut(offset, `${offset}`));
    await bench.settle;
  }
  const before = bench.seqs;
  const late = slotOf({ seq: 3, positions: { 'clicks/0': 2 }, pending: [pendingOf({ id: 'late' })] });
  bench.store.objects.set(keyOf(3), encodeSlot(late));

  await bench.virtual.advance(600_001);

  assert.deepEqual(bench.seqs, before);
  assert.ok(!bench.sweeps.at(-1)?.keep.includes('late'));
});

test('retention that reads a slot whose writer has not heard of it yet keeps the chain whole', async () => {
  const bench = new CoordinatorBench(undefined, { retain: 2 });
  const listing = bench.faults.hold('before', 'list', {});
  const answer = bench.faults.hold('after', 'createIfAbsent', { key: keyOf(2) });
  await bench.virtual.run(bench.coordinator.commitCarried());
  await listing.reached;
  const cut = bench.cut(1, 'a');
  await answer.reached;
  listing.release();
  await bench.settle;
  answer.release();
  await bench.virtual.run(cut);
  await bench.settle;

  assert.deepEqual(bench.seqs.slice(0, 2), [1, 2], 'the newest and what it follows');
  assert.deepEqual(bench.failures, []);
});

test('a damaged slot below the newest goes, with a warning, and keeps neither retention nor the sweep from their work', async () => {
  const bench = new CoordinatorBench([{}, {}, {}, { kind: 'claim' }], { retain: 2 });
  bench.store.objects.set(keyOf(2), Buffer.from('{"format":'));

  await bench.virtual.run(bench.coordinator.commitCarried());
  await bench.settle;

  assert.equal(bench.sweeps.length, 1);
  assert.ok(!bench.seqs.includes(2));
  assert.match(bench.virtual.lines.join(), /warn a damaged checkpoint below the newest one is deleted/);
  assert.deepEqual(bench.failures, []);
});
