import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckpointLog, type LogCall } from '../../../core/checkpoint/log.ts';
import { encodeSlot, type Slot } from '../../../core/checkpoint/slot.ts';
import { SluiceError } from '../../../core/errors.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { failsWith } from '../support/expect.ts';
import { chainOf, keyOf, pendingOf, type SlotFacts } from '../support/slots.ts';
import { away, StoreFaults } from '../support/store-faults.ts';
import { VirtualEnv } from '../support/virtual-env.ts';

const TIMEOUT_MS = 30_000;

/** A log that holds the slots of `facts` but the last, which is the one to be written. */
class Bench {
  readonly virtual = new VirtualEnv();
  readonly faults = new StoreFaults();
  readonly store = new MemoryStore({ hooks: this.faults.hooks });
  readonly log = new CheckpointLog(this.store, this.virtual.env, { pipeline: 'clicks', layout: 1, shard: 0 });
  readonly chain: Slot[];
  readonly next: Slot;
  readonly abort = new AbortController();

  constructor(facts: readonly SlotFacts[] = [{}, {}, {}]) {
    this.chain = chainOf(facts);
    this.next = this.chain.at(-1) as Slot;
    for (const slot of this.chain.slice(0, -1)) this.put(slot);
  }

  get key(): string {
    return keyOf(this.next.seq);
  }

  get call(): LogCall {
    return { signal: this.abort.signal, deadlineMs: this.virtual.nowMs + TIMEOUT_MS };
  }

  put(slot: Slot): void {
    this.store.objects.set(keyOf(slot.seq), encodeSlot(slot));
  }

  append(slot = this.next) {
    return this.virtual.run(this.log.append(slot, this.call));
  }

  holds(slot: Slot): boolean {
    return encodeSlot(slot).equals(this.store.objects.get(keyOf(slot.seq)) ?? new Uint8Array());
  }

  creates(): number {
    return this.faults.calls.filter((call) => call.startsWith('createIfAbsent')).length;
  }
}

test('a slot is written once, and a listing from its predecessor proves that the log is still ours', async () => {
  const bench = new Bench();

  const result = await bench.append();

  assert.equal(result.kind, 'written');
  assert.ok(bench.holds(bench.next));
  assert.deepEqual(bench.faults.calls, [`createIfAbsent ${bench.key}`, 'list clicks/000001/0000/']);
});

test('slots are listed and read in the order of their numbers, and other files in the folder are ignored', async () => {
  const bench = new Bench([{}, {}, {}, {}]);
  bench.store.objects.set('clicks/000001/0000/000000000002.json.bak', new Uint8Array());
  bench.store.objects.set('clicks/000001/0000/ops/000000000002.json', new Uint8Array());
  bench.store.objects.set('clicks/000001/0001/000000000009.json', new Uint8Array());

  assert.deepEqual(await bench.log.list(0, bench.call), [1, 2, 3]);
  assert.deepEqual(await bench.log.list(1, bench.call), [2, 3]);
  const slots = await bench.log.readAll(1, bench.call);
  assert.deepEqual(
    slots.map(({ slot }) => slot.seq),
    [2, 3],
  );
});

test('a slot that is deleted while all are read is left out', async () => {
  const bench = new Bench([{}, {}, {}, {}]);
  bench.faults.at('before', 'get', { key: keyOf(2) }, () => {
    bench.store.objects.delete(keyOf(2));
  });

  const slots = await bench.log.readAll(0, bench.call);

  assert.deepEqual(
    slots.map(({ slot }) => slot.seq),
    [1, 3],
  );
});

test('a create whose answer was lost is found again by its bytes', async () => {
  const bench = new Bench();
  bench.faults.loseAnswer('createIfAbsent');

  assert.equal((await bench.append()).kind, 'written');
  assert.equal(bench.creates(), 1);
});

test('a create that never arrived is sent again with the same bytes', async () => {
  const bench = new Bench();
  bench.faults.refuse('createIfAbsent', { times: 3 });

  assert.equal((await bench.append()).kind, 'written');
  assert.ok(bench.holds(bench.next));
});

test('a create that lands after a read said that it is not there is still ours: the number only ever carries the same bytes', async () => {
  const bench = new Bench();
  bench.faults.refuse('createIfAbsent');
  bench.faults.at('after', 'get', { key: bench.key }, () => bench.put(bench.next));

  assert.equal((await bench.append()).kind, 'written');
  assert.equal(bench.creates(), 2);
  assert.ok(bench.holds(bench.next));
});

test('a number that somebody else has written is taken, and by whom is known', async () => {
  const bench = new Bench();
  bench.put({ ...bench.next, token: 'theirs', owner: { host: 'two', pid: 2, version: '0.1.0' } });

  const result = await bench.append();

  assert.equal(result.kind, 'taken');
  assert.equal(result.kind === 'taken' && result.by?.slot.owner.host, 'two');
});

test('the same token with other bytes is not mine', async () => {
  const bench = new Bench();
  bench.put({ ...bench.next, pending: [pendingOf()] });

  assert.equal((await bench.append()).kind, 'taken');
});

test('the same token with other bytes is not mine after a lost answer either', async () => {
  const bench = new Bench();
  bench.faults.refuse('createIfAbsent');
  bench.put({ ...bench.next, pending: [pendingOf()] });

  assert.equal((await bench.append()).kind, 'taken');
});

test('a number that a newer Sluice has written is taken, though it cannot be read', async () => {
  const bench = new Bench();
  bench.store.objects.set(bench.key, Buffer.from('{"format":"sluice-slot","version":2,"kind":"claim"}'));

  assert.equal((await bench.append()).kind, 'taken');
});

test('a higher slot fences although the own create succeeded: retention had deleted the number of a paused writer', async () => {
  const bench = new Bench();
  const theirs = { ...bench.next, seq: 90, owner: { host: 'two', pid: 2, version: '0.1.0' } };
  bench.store.objects.clear();
  bench.put(theirs);

  const error = await failsWith(bench.append(), 'fenced', 'FENCED');

  assert.match(error.message, /two \(pid 2.*slot 90/);
  assert.ok(bench.holds(bench.next), 'it had been free to write');
});

test('a higher slot that cannot be read still fences', async () => {
  const newer = new Bench();
  newer.store.objects.set(keyOf(4), Buffer.from('{"format":"sluice-slot","version":2,"kind":"claim"}'));
  await failsWith(newer.append(), 'fenced', 'FENCED');

  const torn = new Bench();
  torn.store.objects.set(keyOf(4), Buffer.from('{"format":'));
  await failsWith(torn.append(), 'fenced', 'FENCED');

  const unreadable = new Bench();
  unreadable.put({ ...unreadable.next, seq: 4 });
  unreadable.faults.refuse('get', { key: keyOf(4), times: 1_000_000 });
  await failsWith(unreadable.append(), 'fenced', 'FENCED');
});

test('a predecessor that is gone, with nothing above, is deleted state', async () => {
  const bench = new Bench();
  bench.faults.at('before', 'createIfAbsent', {}, () => bench.store.objects.clear());

  const error = await failsWith(bench.append(), 'dataLoss', 'STATE_DELETED');

  assert.match(error.message, /000000000002\.json is gone/);
});

test('the first slot of a log is the only one there', async () => {
  const bench = new Bench([{}]);

  assert.equal((await bench.append()).kind, 'written');

  const rivalled = new Bench([{}]);
  rivalled.put({ ...rivalled.next, seq: 2 });
  await failsWith(rivalled.append(), 'fenced', 'FENCED');
});

test('an outcome that stays unknown until the deadline is unavailable and nothing else', async () => {
  const bench = new Bench();
  bench.faults.refuse('createIfAbsent', { times: 1_000_000 });

  await failsWith(bench.append(), 'unavailable', 'AWAY');

  assert.ok(bench.virtual.nowMs <= TIMEOUT_MS);
  assert.ok(bench.creates() > 10, 'it has looked and asked often');
});

test('a listing that stays away is waited for, since the slot may be there already', async () => {
  const bench = new Bench();
  bench.faults.refuse('list', { times: 5 });

  assert.equal((await bench.append()).kind, 'written');
  assert.equal(bench.creates(), 1);
});

test('a refusal that is no absence ends the append at once, whatever became of the slot', async () => {
  const bench = new Bench();
  bench.faults.refuse('createIfAbsent', {}, new SluiceError('rejected', 'NO', { message: 'not allowed' }));

  await failsWith(bench.append(), 'rejected', 'NO');
  assert.equal(bench.creates(), 1);
});

test('an append that is called off sends nothing again', async () => {
  const bench = new Bench();
  bench.faults.at('before', 'createIfAbsent', {}, () => {
    bench.abort.abort();
    throw away();
  });

  await failsWith(bench.append(), 'unavailable', 'AWAY');
  assert.equal(bench.creates(), 1);
});

test('a store whose creates say that a slot exists and whose reads do not is asked until the deadline', async () => {
  const bench = new Bench();
  bench.put({ ...bench.next, token: 'theirs' });
  bench.store.get = async () => undefined;

  await failsWith(bench.append(), 'unavailable', 'SLOT_OUTCOME_UNKNOWN');
});

test('a slot that could not be read back is never sent: it would end the pipeline for ever', async () => {
  const bench = new Bench();

  await failsWith(bench.append({ ...bench.next, stats: { records: Number.NaN, bytes: 0 } }), 'bug', 'ASSERTION');
  assert.equal(bench.creates(), 0);
});

test('an idle writer that was replaced finds it by a listing, also when its own slots are gone', async () => {
  const bench = new Bench([{}, {}]);
  const own = bench.chain[0] as Slot;
  await bench.virtual.run(bench.log.proveOwner(own, bench.call));

  bench.put({ ...bench.next, kind: 'claim' });
  await failsWith(bench.virtual.run(bench.log.proveOwner(own, bench.call)), 'fenced', 'FENCED');
  bench.store.objects.delete(keyOf(own.seq));
  await failsWith(bench.virtual.run(bench.log.proveOwner(own, bench.call)), 'fenced', 'FENCED');
  bench.store.objects.clear();
  await failsWith(bench.virtual.run(bench.log.proveOwner(own, bench.call)), 'dataLoss', 'STATE_DELETED');
});
