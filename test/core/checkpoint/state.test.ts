import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeStore } from '../../../core/checkpoint/probe.ts';
import { openState, type StateOptions } from '../../../core/checkpoint/state.ts';
import type { Store } from '../../../core/contract/store.ts';
import { SluiceError } from '../../../core/errors.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { failsWith } from '../support/expect.ts';
import { layoutOf } from '../support/slots.ts';
import { StoreFaults } from '../support/store-faults.ts';
import { VirtualEnv } from '../support/virtual-env.ts';

const LAYOUT_KEY = 'clicks/layout-000001.json';
const MARKER_KEY = 'clicks.json';

/** One host's start: its own store, and an output that others may share. */
class Host {
  readonly virtual: VirtualEnv;
  readonly faults = new StoreFaults();
  readonly store: MemoryStore;
  readonly output: MemoryStore;
  proved = 0;
  resolved = 0;

  constructor({ pid = 1, output = new MemoryStore({ identity: 'box:a' }), objects = new Map() } = {}) {
    this.virtual = new VirtualEnv({ pid });
    this.store = new MemoryStore({ identity: `memory:${pid}`, objects, hooks: this.faults.hooks });
    this.output = output;
  }

  start(changes: Partial<StateOptions> = {}) {
    return openState({
      pipeline: 'clicks',
      store: this.store,
      rootStore: this.output,
      sink: { type: 'box', identity: 'box:a' },
      proveStore: async () => {
        this.proved++;
      },
      resolveStart: async () => {
        this.resolved++;
        return layoutOf().source;
      },
      countPending: async () => 0,
      newLineage: false,
      env: this.virtual.env,
      signal: new AbortController().signal,
      ...changes,
    });
  }
}

const lineageIn = (store: MemoryStore, key: string) =>
  (JSON.parse(Buffer.from(store.objects.get(key) ?? Buffer.from('{}')).toString()) as { lineage?: string }).lineage;

test('the very first start resolves the start positions, makes the layout and then the marker, both of one lineage', async () => {
  const host = new Host();

  const layout = await host.start();

  assert.match(layout.lineage, /^[0-9a-f]{16}$/);
  assert.equal(lineageIn(host.store, LAYOUT_KEY), layout.lineage);
  assert.equal(lineageIn(host.output, MARKER_KEY), layout.lineage);
  assert.equal(host.proved, 1);
});

test('the marker is made only once the layout is durable', async () => {
  const host = new Host();
  host.faults.refuse('createIfAbsent', { key: LAYOUT_KEY });

  await failsWith(host.start(), 'unavailable', 'AWAY');

  assert.equal(host.output.objects.size, 0);
});

test('a later start takes the layout as it is and resolves nothing, so that "latest" is resolved once and for all', async () => {
  const host = new Host();
  const first = await host.start();

  const second = await host.start();

  assert.deepEqual(second, first);
  assert.equal(host.resolved, 1);
});

test('a first start whose layout was written and its answer lost goes on with that layout', async () => {
  const host = new Host();
  host.faults.loseAnswer('createIfAbsent', { key: LAYOUT_KEY });
  await failsWith(host.start(), 'unavailable', 'AWAY');
  const lineage = lineageIn(host.store, LAYOUT_KEY);

  const layout = await host.start();

  assert.equal(layout.lineage, lineage);
  assert.equal(lineageIn(host.output, MARKER_KEY), lineage);
});

test('checkpoints that are lost while their output is there are refused, and nothing is written', async () => {
  const host = new Host();
  await host.start();
  host.store.objects.clear();
  const before = host.output.objects.get(MARKER_KEY);

  const error = await failsWith(host.start(), 'config', 'OUTPUT_OF_ANOTHER_LINEAGE');

  assert.match(error.message, /no checkpoint of "clicks" in memory:1/);
  assert.match(error.help ?? '', /--new-lineage/);
  assert.equal(host.store.objects.size, 0);
  assert.deepEqual(host.output.objects.get(MARKER_KEY), before);
  assert.equal(host.proved, 1, 'the store was not even asked to prove itself');
});

test('two hosts with private state: the second is refused, by both lineages and stores', async () => {
  const one = new Host({ pid: 1 });
  await one.start();
  const two = new Host({ pid: 2, output: one.output });

  const error = await failsWith(two.start(), 'config', 'OUTPUT_OF_ANOTHER_LINEAGE');

  assert.match(error.message, /memory:1.*memory:2/);
  assert.equal(two.store.objects.size, 0);
});

test('two first starts at once on one store end with one layout', async () => {
  const objects = new Map<string, Uint8Array>();
  const one = new Host({ pid: 1, objects });
  const two = new Host({ pid: 2, objects, output: one.output });

  const [first, second] = await Promise.all([one.start(), two.start()]);

  assert.equal(first.lineage, second.lineage);
  assert.equal(lineageIn(one.output, MARKER_KEY), first.lineage);
});

test('two first starts at once with private stores: exactly one goes on', async () => {
  const one = new Host({ pid: 1 });
  const two = new Host({ pid: 2, output: one.output });

  const starts = await Promise.allSettled([one.start(), two.start()]);

  assert.deepEqual(starts.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const refused = starts.findIndex(({ status }) => status === 'rejected');
  await failsWith([one, two][refused]?.start() as Promise<unknown>, 'config', 'OUTPUT_OF_ANOTHER_LINEAGE');
});

test('a marker that is missing while the checkpoints are there is made again, with a warning', async () => {
  const host = new Host();
  const { lineage } = await host.start();
  host.output.objects.clear();

  await host.start();

  assert.equal(lineageIn(host.output, MARKER_KEY), lineage);
  assert.match(host.virtual.lines.join(), /warn the output marker was missing/);
});

test('--new-lineage takes the output over from lost checkpoints, with a warning, and the old lineage is refused from then on', async () => {
  const one = new Host({ pid: 1 });
  await one.start();
  const two = new Host({ pid: 2, output: one.output });

  const layout = await two.start({ newLineage: true });

  assert.equal(lineageIn(one.output, MARKER_KEY), layout.lineage);
  assert.match(two.virtual.lines.join(), /warn this output is taken over/);
  await failsWith(one.start(), 'config', 'OUTPUT_OF_ANOTHER_LINEAGE');
});

test('--new-lineage where nothing has to be taken over changes nothing', async () => {
  const host = new Host();
  const { lineage } = await host.start({ newLineage: true });

  assert.equal((await host.start({ newLineage: true })).lineage, lineage);
  assert.deepEqual(
    host.virtual.lines.filter((line) => line.startsWith('warn')),
    [],
  );
});

test('a take-over that died between removing the old marker and making its own is finished by the next start', async () => {
  const one = new Host({ pid: 1 });
  await one.start();
  const two = new Host({ pid: 2, output: one.output });
  const removed = new StoreFaults();
  removed.refuse('createIfAbsent', { key: MARKER_KEY });
  const dying = new MemoryStore({ objects: one.output.objects, hooks: removed.hooks });
  await failsWith(two.start({ newLineage: true, rootStore: dying }), 'unavailable', 'AWAY');

  const layout = await two.start();

  assert.equal(lineageIn(one.output, MARKER_KEY), layout.lineage);
});

test('checkpoints that lie elsewhere now are refused while output is pending, and nothing is written', async () => {
  const host = new Host();
  await host.start();
  const moved = new Host({ pid: 2, objects: new Map(host.store.objects), output: host.output });
  const before = host.output.objects.get(MARKER_KEY);

  const error = await failsWith(moved.start({ countPending: async () => 1 }), 'config', 'STORE_MOVED_WITH_PENDING');

  assert.match(error.message, /memory:1.*memory:2/);
  assert.match(error.help ?? '', /back at memory:1/);
  assert.deepEqual(host.output.objects.get(MARKER_KEY), before);
  await host.start({ countPending: async () => 1 }); // where they were before, pending output is everyday life
});

test('checkpoints that lie elsewhere now go on when nothing is pending, with a warning, and the marker says where', async () => {
  const host = new Host();
  const { lineage } = await host.start();
  const moved = new Host({ pid: 2, objects: new Map(host.store.objects), output: host.output });

  assert.equal((await moved.start()).lineage, lineage);

  assert.match(moved.virtual.lines.join(), /warn the checkpoints have moved/);
  await failsWith(host.start({ countPending: async () => 1 }), 'config', 'STORE_MOVED_WITH_PENDING');
});

test('a sink without a root has no marker', async () => {
  const host = new Host();

  await host.start({ rootStore: undefined });

  assert.equal(host.output.objects.size, 0);
});

test('a layout with more shards than this version runs is refused instead of being read by one', async () => {
  const host = new Host();
  await host.start();
  const layout = JSON.parse(Buffer.from(host.store.objects.get(LAYOUT_KEY) as Uint8Array).toString());
  host.store.objects.set(LAYOUT_KEY, Buffer.from(JSON.stringify({ ...layout, shards: 4 })));

  await failsWith(host.start(), 'config', 'LAYOUT_NEWER');
});

const probe = (store: Store) => probeStore(store, 'clicks', new VirtualEnv().env, {});

test('an honest store passes the probe, and nothing is left of it', async () => {
  const store = new MemoryStore();

  await probe(store);
  await probe(store);

  assert.equal(store.objects.size, 0);
});

test('a store behind a proxy that sends the winning create a second time passes the probe', async () => {
  const store = new MemoryStore();

  await probe(
    Object.assign(Object.create(store) as Store, {
      createIfAbsent: async (key: string, bytes: Uint8Array) => {
        await store.createIfAbsent(key, bytes);
        return await store.createIfAbsent(key, bytes);
      },
      get: store.get.bind(store),
      list: store.list.bind(store),
      delete: store.delete.bind(store),
    }),
  );

  assert.equal(store.objects.size, 0);
});

const lies: [what: string, lie: (honest: MemoryStore) => Partial<Store>, why: RegExp][] = [
  [
    'overwrites what exists',
    (honest) => ({
      createIfAbsent: async (key, bytes) => {
        honest.objects.set(key, bytes);
        return 'created';
      },
    }),
    /8 of 8 concurrent creates/,
  ],
  [
    'checks first and writes later',
    (honest) => ({
      createIfAbsent: async (key, bytes) => {
        const exists = honest.objects.has(key);
        await Promise.resolve();
        if (!exists) honest.objects.set(key, bytes);
        return exists ? 'exists' : 'created';
      },
    }),
    /8 of 8 concurrent creates/,
  ],
  ['lets nobody win', () => ({ createIfAbsent: async () => 'exists' }), /did not return what was created/],
  [
    'keeps the last writer and tells the first that it won',
    (honest) => ({
      createIfAbsent: async (key, bytes) => {
        const exists = honest.objects.has(key);
        honest.objects.set(key, bytes);
        return exists ? 'exists' : 'created';
      },
    }),
    /did not return what was created/,
  ],
  ['reads old state', () => ({ get: async () => undefined }), /did not return what was created/],
  ['lists late', () => ({ list: async () => [] }), /did not show both/],
  [
    'lists without order',
    (honest) => ({ list: async (prefix, after) => (await honest.list(prefix, after)).reverse() }),
    /did not show both in order/,
  ],
  ['ignores startAfter', (honest) => ({ list: (prefix) => honest.list(prefix, '') }), /startAfter/],
  ['does not delete', () => ({ delete: async () => undefined }), /after a delete/],
];

for (const [what, lie, why] of lies) {
  test(`a store that ${what} is refused for exactly-once`, async () => {
    const honest = new MemoryStore();
    const verbs: Store = {
      identity: 'liar:',
      createIfAbsent: (key, bytes) => honest.createIfAbsent(key, bytes),
      get: (key) => honest.get(key),
      list: (prefix, after) => honest.list(prefix, after),
      delete: (key) => honest.delete(key),
    };

    const error = await failsWith(probe({ ...verbs, ...lie(honest) }), 'config', 'STORE_NOT_SAFE');

    assert.match(error.message, why);
  });
}

test('a store that is away during the probe is away, not a liar', async () => {
  const faults = new StoreFaults();
  faults.refuse('createIfAbsent');

  await failsWith(probe(new MemoryStore({ hooks: faults.hooks })), 'unavailable', 'AWAY');
});

test('a start whose store fails the probe has made neither layout nor marker', async () => {
  const host = new Host();
  const proveStore = () => Promise.reject(new SluiceError('config', 'STORE_NOT_SAFE', { message: 'it lies' }));

  await failsWith(host.start({ proveStore }), 'config', 'STORE_NOT_SAFE');

  assert.equal(host.store.objects.size + host.output.objects.size, 0);
});
