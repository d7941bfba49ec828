import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckpointLog } from '../../../core/checkpoint/log.ts';
import { type ResolveChoice, resolveLost } from '../../../core/checkpoint/resolve.ts';
import { decodeSlot, encodeSlot, type Slot, type SlotPending } from '../../../core/checkpoint/slot.ts';
import { SharedMemoryBudget } from '../../../core/runtime/memory-budget.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { failsWith } from '../support/expect.ts';
import { Box } from '../support/fake-sink.ts';
import { chainOf, keyOf, offsets, pendingOf, type SlotFacts } from '../support/slots.ts';
import { away, StoreFaults } from '../support/store-faults.ts';
import { VirtualEnv } from '../support/virtual-env.ts';

/** A crate of the box that holds `clicks/0` from..to, named by slot `seq`. */
const crate = (name: string, seq: number, from: number, to: number, facts: Partial<SlotPending> = {}) =>
  pendingOf({ id: `main-${name}`, seq, covers: { 'clicks/0': [from, to] }, payload: { name }, ...facts });

/** The log of a pipeline that ended because of a loss, and the operator's decision. */
class Bench {
  readonly virtual = new VirtualEnv();
  readonly faults = new StoreFaults();
  readonly store = new MemoryStore({ hooks: this.faults.hooks });
  readonly box: Box;

  constructor(facts: readonly SlotFacts[], box = new Box()) {
    this.box = box;
    for (const slot of chainOf(facts)) this.store.objects.set(keyOf(slot.seq), encodeSlot(slot));
  }

  resolve(choice: ResolveChoice, box = this.box) {
    const { env } = this.virtual;
    const log = new CheckpointLog(this.store, env, { pipeline: 'clicks', layout: 1, shard: 0 });
    const options = { log, sink: box, positions: offsets, memory: new SharedMemoryBudget(1_000, env), env };
    const call = { signal: new AbortController().signal, deadlineMs: 60_000 };
    return this.virtual.run(resolveLost({ ...options, choice, reason: 'the loader took it', by: 'ops@etl' }, call));
  }

  slot(seq: number): Slot {
    return decodeSlot(this.store.objects.get(keyOf(seq)) as Uint8Array, keyOf(seq));
  }

  get count(): number {
    return this.store.objects.size;
  }
}

const lostLast = (): SlotFacts[] => [
  { positions: { 'clicks/0': 10 } },
  { positions: { 'clicks/0': 20 }, pending: [crate('b', 2, 10, 20)] },
];

test('accepting a loss claims the log, gives the handles up and writes who, why and what into a final slot', async () => {
  const bench = new Bench(lostLast());

  const { committed, lost } = await bench.resolve('acceptLost');

  assert.deepEqual([committed, lost.map(({ id }) => id)], [0, ['main-b']]);
  assert.equal(bench.slot(3).kind, 'claim');
  const { kind, epoch, pending, resolution, source } = bench.slot(4);
  assert.deepEqual([kind, epoch, pending], ['final', 3, []]);
  assert.deepEqual(resolution, {
    choice: 'acceptLost',
    reason: 'the loader took it',
    by: 'ops@etl',
    handles: ['main-b'],
  });
  assert.deepEqual(source.splits[0]?.position, { offset: 20 });
});

test('replaying moves the split back to where the lost output begins', async () => {
  const bench = new Bench(lostLast());

  await bench.resolve('replay');

  assert.deepEqual(bench.slot(4).source.splits[0]?.position, { offset: 10 });
});

test('what can still be committed is committed, lower phases first, whatever is chosen', async () => {
  const pending = [crate('mark', 2, 10, 20, { phase: 1 }), crate('b', 2, 10, 20), crate('a', 2, 0, 10)];
  const bench = new Bench([{ positions: { 'clicks/0': 20 } }, { positions: { 'clicks/0': 20 }, pending }]);
  bench.box.staged.set('a', ['1']);
  bench.box.staged.set('mark', []);

  const { committed, lost } = await bench.resolve('acceptLost');

  assert.deepEqual([committed, lost.map(({ id }) => id)], [2, ['main-b']]);
  assert.deepEqual(
    bench.box.events.map((event) => event.split(' ').slice(0, 2).join(' ')),
    ['commit b', 'commit a', 'commit mark', 'close'],
  );
  assert.deepEqual([...bench.box.visible.keys()], ['a', 'mark']);
});

test('a replay is refused when later records of the split are visible already: they would be read twice', async () => {
  const bench = new Bench([
    { positions: { 'clicks/0': 10 }, pending: [crate('lost', 1, 0, 10)] },
    { positions: { 'clicks/0': 20 }, pending: [crate('lost', 1, 0, 10), crate('later', 2, 10, 20)] },
    { positions: { 'clicks/0': 20 }, pending: [crate('lost', 1, 0, 10)] },
  ]);

  const error = await failsWith(bench.resolve('replay'), 'config', 'REPLAY_WOULD_REPEAT');

  assert.match(error.help ?? '', /--accept-lost.*clicks\/0 offsets 0 to 9/);
  assert.deepEqual(bench.slot(4).pending.length, 1, 'only claimed; nothing is decided');
});

test('a replay is refused when another part of the same checkpoint holds later records of the split', async () => {
  const bench = new Bench([
    { positions: { 'clicks/0': 0 } },
    { positions: { 'clicks/0': 20 }, pending: [crate('lost', 2, 0, 10), crate('other', 2, 10, 20)] },
    { positions: { 'clicks/0': 20 }, pending: [crate('lost', 2, 0, 10)] },
  ]);

  await failsWith(bench.resolve('replay'), 'config', 'REPLAY_WOULD_REPEAT');
});

test('a replay is refused when the slots since the loss are not all retained: nobody can tell what they committed', async () => {
  const lost = [crate('lost-1', 1, 0, 10), crate('lost-2', 3, 20, 30)];
  const bench = new Bench([
    { positions: { 'clicks/0': 10 }, pending: lost.slice(0, 1) },
    { positions: { 'clicks/0': 20 }, pending: [...lost.slice(0, 1), crate('between', 2, 10, 20)] },
    { positions: { 'clicks/0': 30 }, pending: lost },
  ]);
  bench.store.objects.delete(keyOf(1));
  bench.store.objects.delete(keyOf(2));

  await failsWith(bench.resolve('replay'), 'config', 'REPLAY_WOULD_REPEAT');
});

test('a commit that has to wait decides nothing: its cause is what is said', async () => {
  const bench = new Bench(lostLast());
  bench.box.onCommit = () => ({ kind: 'retryLater', cause: away() });

  await failsWith(bench.resolve('acceptLost'), 'unavailable', 'AWAY');

  assert.deepEqual(bench.slot(3).pending.length, 1);
  assert.equal(bench.count, 3);
});

test('a sink that was moved is refused: there everything would look lost', async () => {
  const bench = new Bench(lostLast());

  await failsWith(bench.resolve('acceptLost', new Box({ identity: 'box:b' })), 'config', 'SINK_MOVED_WITH_PENDING');

  assert.equal(bench.count, 2);
});

test('a pipeline that was started meanwhile fences the decision', async () => {
  const bench = new Bench(lostLast());
  bench.box.onCommit = () => {
    bench.store.objects.set(keyOf(4), encodeSlot({ ...bench.slot(3), seq: 4, token: 'theirs' }));
    return undefined;
  };

  await failsWith(bench.resolve('acceptLost'), 'fenced', 'FENCED');
});

test('a log without a checkpoint has nothing to resolve', async () => {
  await failsWith(new Bench([]).resolve('acceptLost'), 'config', 'NO_CHECKPOINTS');
});

/** What slots say of a part of the box that is open. */
const openPart = (name: string, split: string, from: number, to: number) => ({
  version: 1,
  value: { name, covers: { [split]: [from, to] as [number, number] }, records: to - from },
});
type OpenParts = ReturnType<typeof openPart>[];
const withOpen = (...state: OpenParts): SlotFacts => ({
  sinks: { main: { type: 'box', identity: 'box:a', state, counter: 4 } },
});

/** Two slots at 20 and 30, both with `a` and `b` open; only what is in `staged` is there. */
function openBench(
  state: OpenParts,
  { pending = [] as SlotPending[], staged = {} as Record<string, string[]> },
): Bench {
  const bench = new Bench(
    [
      { positions: { 'clicks/0': 20, 'views/0': 30 }, pending },
      { positions: { 'clicks/0': 20, 'views/0': 30 }, pending, ...withOpen(...state) },
    ],
    new Box({ staysOpen: true }),
  );
  for (const [name, values] of Object.entries(staged)) bench.box.staged.set(name, values);
  return bench;
}

const abc = ['a', 'b', 'c'];

test('accepting the loss of an open part drops it from the state, keeps the others and says so in the final slot', async () => {
  const [a, b, c] = [
    openPart('a', 'clicks/0', 7, 10),
    openPart('b', 'clicks/0', 10, 13),
    openPart('c', 'views/0', 27, 30),
  ];
  const bench = openBench([a, b, c], { staged: { a: abc, b: ['short'], c: abc } });

  const { lost, lostOpen } = await bench.resolve('acceptLost');

  assert.deepEqual(
    [lost, lostOpen.map(({ place, covers }) => [place, covers])],
    [[], [['b', { 'clicks/0': [10, 13] }]]],
  );
  const { kind, sinks, resolution, source } = bench.slot(4);
  assert.deepEqual([kind, sinks.main.state, sinks.main.counter], ['final', [a, c], 4]);
  assert.deepEqual([resolution?.choice, resolution?.handles], ['acceptLost', ['open b']]);
  assert.deepEqual(source, bench.slot(2).source);
  assert.deepEqual([bench.box.staged.get('a'), bench.box.staged.get('c')], [abc, abc], 'left to the next start');
  assert.equal(bench.box.visible.size, 0);
});

test('a replay is refused when an open part is lost: others hold records of the same offsets', async () => {
  const bench = openBench([openPart('a', 'clicks/0', 7, 10), openPart('c', 'views/0', 27, 30)], { staged: { a: abc } });

  const error = await failsWith(bench.resolve('replay'), 'config', 'REPLAY_WOULD_REPEAT');

  assert.match(error.help ?? '', /--accept-lost.*views\/0 offsets 27 to 29/);
  assert.equal(bench.count, 3, 'only claimed');
});

for (const [what, part, refused] of [
  ['holds later records of the split', openPart('a', 'clicks/0', 17, 20), true],
  ['begins before the lost output and ends behind it', openPart('a', 'clicks/0', 5, 18), true],
  ['ends where the lost output begins', openPart('a', 'clicks/0', 5, 10), false],
  ['is of another split', openPart('a', 'views/0', 27, 30), false],
] as const) {
  test(`a replay of lost output is ${refused ? 'refused' : 'right'} while a part is open that ${what}`, async () => {
    const bench = openBench([part], { pending: [crate('lost', 1, 10, 20)], staged: { a: Array(20).fill('x') } });

    const replay = bench.resolve('replay');

    if (refused) return void (await failsWith(replay, 'config', 'REPLAY_WOULD_REPEAT'));
    const { stored } = await replay;
    assert.deepEqual(stored.slot.source.splits[0]?.position, { offset: 10 });
    assert.deepEqual(stored.slot.sinks.main.state, [part]);
  });
}

test('a sink without parts that stay open decides nothing about them', async () => {
  const bench = new Bench([{ ...withOpen(openPart('a', 'clicks/0', 7, 10)) }]);

  await failsWith(bench.resolve('acceptLost'), 'config', 'OPEN_PARTS_UNKNOWN');
});
