import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckpointLog } from '../../../core/checkpoint/log.ts';
import { OwnClaims } from '../../../core/checkpoint/own-claims.ts';
import { type Claim, type ClaimOptions, claimShard } from '../../../core/checkpoint/restore.ts';
import { decodeSlot, encodeSlot, type Slot } from '../../../core/checkpoint/slot.ts';
import type { Split } from '../../../core/contract/source.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { failsWith } from '../support/expect.ts';
import { chainOf, keyOf, layoutOf, type Offset, offsets, pendingOf, type SlotFacts, slotOf } from '../support/slots.ts';
import { StoreFaults } from '../support/store-faults.ts';
import { VirtualEnv } from '../support/virtual-env.ts';

const split = (id: string, identity: string | null = null): Split => ({
  id,
  group: id.slice(0, id.lastIndexOf('/')),
  index: Number(id.slice(id.lastIndexOf('/') + 1)),
  identity,
});

/** A log in a store, and starts that want it. */
class Bench {
  readonly virtual = new VirtualEnv();
  readonly faults = new StoreFaults();
  readonly store = new MemoryStore({ hooks: this.faults.hooks });
  /** What the source was asked to resolve. */
  readonly asked: string[] = [];
  readonly abort = new AbortController();

  constructor(facts: readonly SlotFacts[] = []) {
    for (const slot of chainOf(facts)) this.put(slot);
  }

  put(slot: Slot): void {
    this.store.objects.set(keyOf(slot.seq), encodeSlot(slot));
  }

  slot(seq: number): Slot {
    const bytes = this.store.objects.get(keyOf(seq));
    assert.ok(bytes, `slot ${seq} exists`);
    return decodeSlot(bytes, keyOf(seq));
  }

  start(
    found: readonly Split[] = [split('clicks/0')],
    { clusterId = 'cluster-a', ...changes }: Partial<ClaimOptions<Offset>> & { clusterId?: string | null } = {},
  ): Promise<Claim<Offset>> {
    const { env } = this.virtual;
    return claimShard(
      {
        log: new CheckpointLog(this.store, env, { pipeline: 'clicks', layout: 1, shard: 0 }),
        layout: layoutOf(),
        shard: 0,
        source: {
          type: 'queue',
          codec: offsets,
          session: {
            discover: async () => ({ clusterId, splits: found }),
            startPositions: async (splits, why) => {
              this.asked.push(...splits.map(({ id }) => `${why} ${id}`));
              return splits.map(() => ({ offset: why === 'first' ? 100 : 0 }));
            },
            openReader: () => assert.fail('nothing is read before the claim'),
            [Symbol.asyncDispose]: async () => {},
          },
        },
        discovery: { clusterId, splits: found },
        sink: { type: 'box', identity: 'box:a' },
        configHash: 'hash',
        ownClaims: new OwnClaims(),
        env,
        ...changes,
      },
      { signal: this.abort.signal, deadlineMs: this.virtual.nowMs + 60_000 },
    );
  }

  claim(...args: Parameters<Bench['start']>): Promise<Claim<Offset>> {
    return this.virtual.run(this.start(...args));
  }
}

test('the first claim of a log begins where the layout says', async () => {
  const bench = new Bench();

  const claim = await bench.claim();

  assert.equal(claim.epoch, 1);
  assert.deepEqual(claim.assigned, [{ ...split('clicks/0'), position: { offset: 0 } }]);
  const slot = bench.slot(1);
  assert.deepEqual([slot.kind, slot.epoch, slot.previous], ['claim', 1, null]);
  assert.deepEqual(bench.asked, []);
});

test('a claim is the next number and carries offsets, pending handles, open parts, counters and the digest of the slot before', async () => {
  const pending = [pendingOf()];
  const bench = new Bench([
    {},
    {
      positions: { 'clicks/0': 77 },
      pending,
      stats: { records: 77, bytes: 770 },
      sinks: { main: { type: 'box', identity: 'box:a', state: [{ version: 1, value: { open: 'a' } }], counter: 9 } },
      discard: ['x'],
    },
  ]);

  const claim = await bench.claim();

  assert.equal(claim.epoch, 3);
  assert.deepEqual(claim.assigned[0]?.position, { offset: 77 });
  const [before, slot] = [bench.slot(2), bench.slot(3)];
  assert.deepEqual(slot.pending, pending);
  assert.deepEqual(
    [slot.sinks, slot.stats, slot.discard, slot.source],
    [before.sinks, before.stats, before.discard, before.source],
  );
  assert.equal(slot.previous?.seq, 2);
  assert.equal(slot.epoch, 3);
});

test('one claim without a checkpoint after it does not make the next start wait', async () => {
  const bench = new Bench([{}, { kind: 'claim' }]);
  bench.virtual.random = 0.9;

  assert.equal((await bench.claim()).epoch, 3);
  assert.equal(bench.virtual.nowMs, 0);
});

test('two claims in a row make the next start wait and look again', async () => {
  const bench = new Bench([{}, { kind: 'claim' }, { kind: 'claim' }]);

  assert.equal((await bench.claim()).epoch, 4);
  assert.equal(bench.virtual.nowMs, 1_000);
});

test('a start that waited and finds that the other went on claims what is there then', async () => {
  const chain = chainOf([{}, { kind: 'claim' }, { kind: 'claim' }, { positions: { 'clicks/0': 5 } }]);
  const bench = new Bench();
  for (const slot of chain.slice(0, 3)) bench.put(slot);
  bench.virtual.env.timers.after(500, () => bench.put(chain[3] as Slot));

  const claim = await bench.claim();

  assert.equal(claim.epoch, 5);
  assert.deepEqual(claim.assigned[0]?.position, { offset: 5 });
});

test('claims that never end in a checkpoint make starts wait ever longer, up to ten seconds', async () => {
  const bench = new Bench([{}, ...Array.from({ length: 30 }, () => ({ kind: 'claim' }) as const)]);
  bench.virtual.random = 0.999;

  await bench.claim();

  assert.equal(bench.virtual.nowMs, 9_990);
});

test('of two starts at once one claims the next number and the other the one after, and fences the first', async () => {
  const bench = new Bench([{}]);

  const outcomes = await bench.virtual.run(Promise.allSettled([bench.start(), bench.start()]));

  const epochs = outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value.epoch : outcome.reason.code,
  );
  assert.deepEqual(epochs, [2, 3]);
});

test('a start that lost the race for a number goes on from what the winner wrote', async () => {
  const bench = new Bench([{ positions: { 'clicks/0': 5 } }]);
  const theirs = slotOf({ seq: 2, kind: 'claim', positions: { 'clicks/0': 8 }, pending: [pendingOf({ seq: 2 })] });
  bench.faults.at('before', 'createIfAbsent', { key: keyOf(2) }, () => bench.put(theirs));

  const claim = await bench.claim();

  assert.equal(claim.epoch, 3);
  assert.deepEqual(claim.assigned[0]?.position, { offset: 8 });
  assert.equal(bench.slot(3).pending.length, 1);
});

test('a claim whose answer was lost is found again and is the epoch', async () => {
  const bench = new Bench([{}]);
  bench.faults.loseAnswer('createIfAbsent', { key: keyOf(2) });

  assert.equal((await bench.claim()).epoch, 2);
});

test('a restart goes on from its own slots', async () => {
  const bench = new Bench([{}]);
  const ownClaims = new OwnClaims();
  await bench.claim(undefined, { ownClaims });
  bench.put(slotOf({ seq: 3, epoch: 2, positions: { 'clicks/0': 9 } }));

  const claim = await bench.claim(undefined, { ownClaims });

  assert.deepEqual([claim.epoch, claim.assigned[0]?.position], [4, { offset: 9 }]);
});

test('a restart does not take back what another instance has taken over', async () => {
  const bench = new Bench([{}]);
  const ownClaims = new OwnClaims();
  await bench.claim(undefined, { ownClaims });
  await bench.claim();

  const error = await failsWith(bench.claim(undefined, { ownClaims }), 'fenced', 'FENCED');

  assert.match(error.message, /with slot 3/);
  assert.equal(bench.store.objects.size, 3, 'it wrote nothing');
});

test('a restart that loses the race for its claim to another instance is replaced by it', async () => {
  const bench = new Bench([{}]);
  const ownClaims = new OwnClaims();
  await bench.claim(undefined, { ownClaims });
  bench.faults.at('before', 'createIfAbsent', { key: keyOf(3) }, () =>
    bench.put(slotOf({ seq: 3, epoch: 3, kind: 'claim' })),
  );

  await failsWith(bench.claim(undefined, { ownClaims }), 'fenced', 'FENCED');
});

test('a restart knows the claim of the restart before it, of which it never heard', async () => {
  const bench = new Bench([{}]);
  const ownClaims = new OwnClaims();
  await bench.claim(undefined, { ownClaims });
  bench.faults.at('after', 'createIfAbsent', { key: keyOf(3) }, () => bench.faults.refuse('list', { times: 1_000 }));
  await failsWith(bench.claim(undefined, { ownClaims }), 'unavailable', 'AWAY');
  bench.faults.clear();

  assert.equal((await bench.claim(undefined, { ownClaims })).epoch, 4);
});

test('a slot that retention deletes while a start looks makes it look again', async () => {
  const bench = new Bench([{}, {}]);
  bench.faults.at('before', 'get', { key: keyOf(2) }, () => {
    bench.store.objects.clear();
    bench.put(slotOf({ seq: 40, positions: { 'clicks/0': 9 } }));
  });

  assert.equal((await bench.claim()).epoch, 41);
});

test('a store that lists a slot for ever and never gives it is away, not asked without pause', async () => {
  const bench = new Bench([{}]);
  bench.store.get = async () => undefined;

  await failsWith(bench.claim(), 'unavailable', 'SLOT_VANISHED');
  assert.ok(bench.faults.calls.length < 100);
});

test('checkpoints that are away for a while are waited for', async () => {
  const bench = new Bench([{}]);
  bench.faults.refuse('list', { times: 5 });

  assert.equal((await bench.claim()).epoch, 2);
});

test('splits of a new topic begin at the configured start, splits found in a known topic at their beginning, in the claim', async () => {
  const bench = new Bench([{ positions: { 'clicks/0': 77 } }]);

  const claim = await bench.claim([split('clicks/0'), split('clicks/1'), split('views/0')]);

  assert.deepEqual(bench.asked, ['first views/0', 'found clicks/1']);
  const positions = { 'clicks/0': { offset: 77 }, 'clicks/1': { offset: 0 }, 'views/0': { offset: 100 } };
  assert.deepEqual(Object.fromEntries(claim.assigned.map(({ id, position }) => [id, position])), positions);
  assert.deepEqual(
    Object.fromEntries(bench.slot(2).source.splits.map(({ id, position }) => [id, position])),
    positions,
    'durable before the first poll',
  );
});

test('a topic taken out of the configuration is parked and goes on from there when it comes back', async () => {
  const bench = new Bench([{ positions: { 'clicks/0': 77, 'views/0': 55 } }]);

  const without = await bench.claim([split('clicks/0')]);
  assert.deepEqual(
    without.assigned.map(({ id }) => id),
    ['clicks/0'],
  );
  const back = await bench.claim([split('clicks/0'), split('views/0')]);

  assert.deepEqual(back.assigned.find(({ id }) => id === 'views/0')?.position, { offset: 55 });
  assert.deepEqual(bench.asked, []);
});

test('a split found in a parked topic begins at its beginning: the topic is known', async () => {
  const bench = new Bench([{ positions: { 'views/0': 55 } }]);

  await bench.claim([split('views/0'), split('views/1')]);

  assert.deepEqual(bench.asked, ['found views/1']);
});

test('a moved sink with pending handles is refused, and nothing is written', async () => {
  const bench = new Bench([{ pending: [pendingOf()] }]);

  const error = await failsWith(
    bench.claim(undefined, { sink: { type: 'box', identity: 'box:b' } }),
    'config',
    'SINK_MOVED_WITH_PENDING',
  );

  assert.match(error.message, /box:a.*box:b/);
  assert.match(error.help ?? '', /old sink/);
  assert.equal(bench.store.objects.size, 1);
});

test('a moved sink with nothing pending goes on in the new place', async () => {
  const bench = new Bench([{}]);

  await bench.claim(undefined, { sink: { type: 'box', identity: 'box:b' } });

  assert.equal(bench.slot(2).sinks.main.identity, 'box:b');
});

test('another type of source is refused', async () => {
  const bench = new Bench([{}]);
  const layout = layoutOf({ source: { ...layoutOf().source, type: 'tape' } });

  await failsWith(bench.claim(undefined, { layout }), 'config', 'SOURCE_CHANGED');
});

test('a topic that was deleted and created again is data loss, and nothing is written', async () => {
  const bench = new Bench();
  await bench.claim([split('clicks/0', 'id-1')]);

  await failsWith(bench.claim([split('clicks/0', 'id-2')]), 'dataLoss', 'TOPIC_RECREATED');
  assert.equal(bench.store.objects.size, 1);
});

test('a topic id that the source cannot tell for a while is remembered', async () => {
  const bench = new Bench();
  await bench.claim([split('clicks/0', 'id-1')]);

  const claim = await bench.claim([split('clicks/0', null)]);

  assert.equal(claim.assigned[0]?.identity, 'id-1');
  await failsWith(bench.claim([split('clicks/0', 'id-2')]), 'dataLoss', 'TOPIC_RECREATED');
});

test('a topic that was recreated while it was parked is data loss when it comes back', async () => {
  const bench = new Bench();
  await bench.claim([split('clicks/0'), split('views/0', 'id-1')]);
  await bench.claim([split('clicks/0')]);

  await failsWith(bench.claim([split('clicks/0'), split('views/0', 'id-2')]), 'dataLoss', 'TOPIC_RECREATED');
});

test('another cluster is data loss, and nothing is written', async () => {
  const bench = new Bench([{}]);

  await failsWith(bench.claim(undefined, { clusterId: 'cluster-b' }), 'dataLoss', 'CLUSTER_CHANGED');
  assert.equal(bench.store.objects.size, 1);
});

test('a cluster id that the source cannot tell for a while is remembered', async () => {
  const bench = new Bench([{}]);

  await bench.claim(undefined, { clusterId: null });

  assert.equal(bench.slot(2).source.clusterId, 'cluster-a');
  await failsWith(bench.claim(undefined, { clusterId: 'cluster-b' }), 'dataLoss', 'CLUSTER_CHANGED');
});

test('a slot of a newer version, a sealed log and a slot of another lineage are never claimed over', async () => {
  const newer = new Bench([{}]);
  newer.store.objects.set(keyOf(2), Buffer.from('{"format":"sluice-slot","version":3,"kind":"claim"}'));
  await failsWith(newer.claim(), 'config', 'SLOT_NEWER');

  const sealed = new Bench([{}, { kind: 'sealed' }]);
  await failsWith(sealed.claim(), 'config', 'LOG_SEALED');

  const foreign = new Bench([{ lineage: 'ffffffffffffffff' }]);
  await failsWith(foreign.claim(), 'dataLoss', 'SLOT_OF_ANOTHER_LINEAGE');

  for (const { store } of [newer, sealed, foreign]) assert.ok(store.objects.size <= 2, 'nothing was written');
});

test('a truncated newest slot is data loss: going on from the one before would repeat records', async () => {
  const bench = new Bench([{}, { positions: { 'clicks/0': 9 } }]);
  bench.store.objects.set(keyOf(2), encodeSlot(bench.slot(2)).subarray(0, 200));

  const error = await failsWith(bench.claim(), 'dataLoss', 'SLOT_DAMAGED');
  assert.match(error.message, /000000000002\.json/);
});

test('state that is deleted between the look and the claim is noticed', async () => {
  const bench = new Bench([{}]);
  bench.faults.at('before', 'createIfAbsent', {}, () => bench.store.objects.clear());

  await failsWith(bench.claim(), 'dataLoss', 'STATE_DELETED');
});

test('a start that is called off while it waits for rivals claims nothing', async () => {
  const bench = new Bench([{}, { kind: 'claim' }, { kind: 'claim' }]);
  bench.virtual.env.timers.after(500, () => bench.abort.abort());

  await assert.rejects(bench.claim());
  assert.equal(bench.store.objects.size, 3);
});
