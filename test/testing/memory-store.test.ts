import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../core/errors.ts';
import { storeConformance } from '../../testing/conformance/store.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { testConformance } from './conformance.ts';

const away = () => new SluiceError('unavailable', 'TEST_AWAY', { message: 'the store is away' });

testConformance('memory store', storeConformance, () => {
  const objects = new Map<string, Uint8Array>();
  return {
    connect: async () => new MemoryStore({ objects }),
    connectLosingResponses: async () =>
      new MemoryStore({
        objects,
        hooks: {
          after: () => {
            throw away();
          },
        },
      }),
    powerLoss: async () => {},
  };
});

test('an error before a call keeps it from taking effect, one after it does not', async () => {
  const objects = new Map<string, Uint8Array>();
  const failing = (when: 'before' | 'after') =>
    new MemoryStore({
      objects,
      hooks: {
        [when]: () => {
          throw away();
        },
      },
    });

  await assert.rejects(failing('before').createIfAbsent('a', Buffer.from('1')), { code: 'TEST_AWAY' });
  await assert.rejects(failing('after').createIfAbsent('b', Buffer.from('2')), { code: 'TEST_AWAY' });

  assert.deepEqual([...objects.keys()], ['b']);
});

test('a call that is held up takes effect only when it is let go', async () => {
  const { promise: letGo, resolve } = Promise.withResolvers<void>();
  const store = new MemoryStore({ hooks: { before: ({ verb }) => (verb === 'createIfAbsent' ? letGo : undefined) } });

  const created = store.createIfAbsent('a', Buffer.from('1'));
  assert.equal(await store.get('a'), undefined);
  resolve();

  assert.equal(await created, 'created');
  assert.ok(await store.get('a'));
});
