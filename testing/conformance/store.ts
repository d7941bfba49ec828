import assert from 'node:assert/strict';
import type { Store } from '../../core/contract/store.ts';
import type { ConformanceCase } from './case.ts';

/** A fresh, empty place to keep slots in. */
export interface StoreHarness {
  /** Opens the store as another process would: nothing shared but the place itself. */
  connect(): Promise<Store>;
  /** A store whose creates take effect and then reject as `unavailable`. */
  connectLosingResponses?(): Promise<Store>;
  /** Reading below a key, as if it were a directory, is an error there instead of nothing. Sluice never does. */
  readonly failsBelowKeys?: boolean;
  /** Cuts the power, with nothing surviving that the store had not made durable, and starts again. */
  powerLoss?(): Promise<void>;
}

const bytesOf = (text: string) => Buffer.from(text);
const textOf = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());

async function fill(store: Store, keys: readonly string[]): Promise<void> {
  for (const key of keys) assert.equal(await store.createIfAbsent(key, bytesOf(key)), 'created');
}

export const storeConformance: readonly ConformanceCase<StoreHarness>[] = [
  {
    name: 'what was created is read back, byte for byte, by everybody and at once',
    run: async (harness) => {
      const [writer, reader] = [await harness.connect(), await harness.connect()];
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

      assert.equal(await writer.createIfAbsent('p/000001/0000/000000000001.json', bytes), 'created');

      const read = await reader.get('p/000001/0000/000000000001.json');
      assert.deepEqual(read && [...read], [...bytes]);
      assert.deepEqual(await reader.list('', ''), ['p/000001/0000/000000000001.json']);
    },
  },
  {
    name: 'objects may be empty, and may be large',
    run: async (harness) => {
      const store = await harness.connect();
      const large = Buffer.alloc(3 * 1024 * 1024, 'slot');

      await store.createIfAbsent('empty', bytesOf(''));
      await store.createIfAbsent('large', large);

      assert.equal((await store.get('empty'))?.length, 0);
      assert.ok(large.equals((await store.get('large')) ?? bytesOf('')));
    },
  },
  {
    name: 'a key that exists is neither created again nor changed',
    run: async (harness) => {
      const [first, second] = [await harness.connect(), await harness.connect()];

      assert.equal(await first.createIfAbsent('a/1', bytesOf('first')), 'created');
      assert.equal(await second.createIfAbsent('a/1', bytesOf('second')), 'exists');
      assert.equal(await first.createIfAbsent('a/1', bytesOf('first')), 'exists');

      assert.equal(textOf(await second.get('a/1')), 'first');
    },
  },
  {
    name: 'of 8 that create one key at a time exactly one wins, and all read its bytes',
    run: async (harness) => {
      const stores = await Promise.all(Array.from({ length: 8 }, () => harness.connect()));
      for (let round = 0; round < 5; round++) {
        const key = `race/${round}`;

        const results = await Promise.all(
          stores.map((store, i) => store.createIfAbsent(key, bytesOf(`bytes of ${i}`))),
        );

        assert.deepEqual(results.toSorted(), ['created', ...Array(7).fill('exists')]);
        for (const store of stores) {
          assert.equal(textOf(await store.get(key)), `bytes of ${results.indexOf('created')}`);
        }
        assert.deepEqual(await (stores[0] as Store).list(key, ''), [key]);
      }
    },
  },
  {
    name: 'one store creates the same key only once, too, however many ask at a time',
    run: async (harness) => {
      const store = await harness.connect();

      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) => store.createIfAbsent('one', bytesOf(`${i}`))),
      );

      assert.deepEqual(results.toSorted(), ['created', ...Array(7).fill('exists')]);
      assert.equal(textOf(await store.get('one')), String(results.indexOf('created')));
    },
  },
  {
    name: 'the memory given to a create is the caller’s again once it has returned',
    run: async (harness) => {
      const store = await harness.connect();
      const bytes = bytesOf('slot');

      await store.createIfAbsent('a', bytes);
      bytes.fill(0);

      assert.equal(textOf(await store.get('a')), 'slot');
    },
  },
  {
    name: 'a key that does not exist is read as undefined, and so is what is only the beginning of keys',
    run: async (harness) => {
      const store = await harness.connect();
      await fill(store, ['a/b/1']);

      assert.equal(await store.get('a/b/2'), undefined);
      assert.equal(await store.get('x/y'), undefined);
      assert.equal(await store.get('a/b'), undefined);
    },
  },
  {
    name: 'there is nothing below a key',
    unsupported: ({ failsBelowKeys }) => (failsBelowKeys === true ? 'this place fails when asked for it' : undefined),
    run: async (harness) => {
      const store = await harness.connect();
      await fill(store, ['a/b/1']);

      assert.equal(await store.get('a/b/1/c'), undefined);
    },
  },
  {
    name: 'keys are listed in byte order, whatever the order of their making',
    run: async (harness) => {
      const store = await harness.connect();
      const keys = ['a-b/1', 'a.b/1', 'a/1', 'a/10', 'a/2', 'a/b/c/d', 'a0', 'b/layout-000001.json', 'b/000001/0/1'];
      await fill(store, keys.toReversed());

      assert.deepEqual(await store.list('', ''), keys.toSorted());
    },
  },
  {
    name: 'a prefix is the beginning of a key, not a folder',
    run: async (harness) => {
      const store = await harness.connect();
      await fill(store, ['a/1/x', 'a/10/x', 'a/2/x', 'ab/1', 'b']);

      assert.deepEqual(await store.list('a/1', ''), ['a/1/x', 'a/10/x']);
      assert.deepEqual(await store.list('a/1/', ''), ['a/1/x']);
      assert.deepEqual(await store.list('a', ''), ['a/1/x', 'a/10/x', 'a/2/x', 'ab/1']);
      assert.deepEqual(await store.list('c', ''), []);
      assert.deepEqual(await store.list('b/', ''), []);
    },
  },
  {
    name: 'a listing begins behind startAfter, which need not exist',
    run: async (harness) => {
      const store = await harness.connect();
      await fill(store, ['p/1/a', 'p/1/b', 'p/2/a', 'q/1/a']);

      assert.deepEqual(await store.list('p/', 'p/1/a'), ['p/1/b', 'p/2/a']);
      assert.deepEqual(await store.list('p/', 'p/1/aa'), ['p/1/b', 'p/2/a']);
      assert.deepEqual(await store.list('p/', 'p/1/z'), ['p/2/a']);
      assert.deepEqual(await store.list('', 'p/3'), ['q/1/a']);
      assert.deepEqual(await store.list('p/', 'z'), []);
      assert.deepEqual(await store.list('p/', 'a'), ['p/1/a', 'p/1/b', 'p/2/a']);
    },
  },
  {
    name: 'a listing is complete, however long',
    run: async (harness) => {
      const store = await harness.connect();
      const keys = Array.from({ length: 250 }, (_, i) => `p/${String(i).padStart(12, '0')}.json`);
      await Promise.all(keys.map((key) => store.createIfAbsent(key, bytesOf(key))));

      assert.deepEqual(await store.list('p/', ''), keys);
      assert.deepEqual(await store.list('p/', keys[199] as string), keys.slice(200));
    },
  },
  {
    name: 'a deleted key is gone for everybody; deleting it again is fine, and so is creating it again',
    run: async (harness) => {
      const [store, other] = [await harness.connect(), await harness.connect()];
      await fill(store, ['a/1', 'a/2']);

      await store.delete('a/1');
      await other.delete('a/1');
      await other.delete('never/was');

      assert.equal(await other.get('a/1'), undefined);
      assert.deepEqual(await other.list('', ''), ['a/2']);
      assert.equal(await other.createIfAbsent('a/1', bytesOf('again')), 'created');
      assert.equal(textOf(await store.get('a/1')), 'again');
    },
  },
  {
    name: 'a call that is aborted before it begins rejects and has no effect',
    run: async (harness) => {
      const store = await harness.connect();
      const signal = AbortSignal.abort(new Error('stopped'));

      await assert.rejects(store.createIfAbsent('a', bytesOf('x'), { signal }));
      await assert.rejects(store.list('', '', { signal }));

      assert.deepEqual(await store.list('', ''), []);
    },
  },
  {
    name: 'a create whose response was lost says exists the next time, with the bytes that were sent',
    unsupported: ({ connectLosingResponses }) =>
      connectLosingResponses === undefined ? 'this harness cannot lose responses' : undefined,
    run: async (harness) => {
      const [losing, store] = [await harness.connectLosingResponses?.(), await harness.connect()];

      await assert.rejects(losing?.createIfAbsent('a/1', bytesOf('mine')) ?? Promise.resolve(), {
        kind: 'unavailable',
      });

      assert.equal(await store.createIfAbsent('a/1', bytesOf('mine')), 'exists');
      assert.equal(textOf(await store.get('a/1')), 'mine');
      assert.deepEqual(await store.list('', ''), ['a/1']);
    },
  },
  {
    name: 'what a create has returned survives a power loss, created or found to exist',
    unsupported: ({ powerLoss }) => (powerLoss === undefined ? 'this harness cannot cut the power' : undefined),
    run: async (harness) => {
      const [first, second] = [await harness.connect(), await harness.connect()];
      await first.createIfAbsent('p/000001/0000/1', bytesOf('one'));
      await second.createIfAbsent('p/000001/0000/1', bytesOf('other'));
      await second.createIfAbsent('p/000001/0000/2', bytesOf('two'));

      await harness.powerLoss?.();

      const after = await harness.connect();
      assert.deepEqual(await after.list('', ''), ['p/000001/0000/1', 'p/000001/0000/2']);
      assert.equal(textOf(await after.get('p/000001/0000/1')), 'one');
      assert.equal(await after.createIfAbsent('p/000001/0000/3', bytesOf('three')), 'created');
    },
  },
];
