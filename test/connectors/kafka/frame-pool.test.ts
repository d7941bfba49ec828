import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FramePool } from '../../../connectors/kafka/frame-pool.ts';

test('a buffer is large enough, at most a quarter too large, and has memory of its own', () => {
  const pool = new FramePool();
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 << 20 }), (bytes) => {
      const buffer = pool.take(bytes);
      assert.ok(buffer.length >= bytes && buffer.length <= Math.max(bytes * 1.25, bytes + 1));
      assert.equal(buffer.buffer.byteLength, buffer.length);
    }),
  );
});

test('what is given back is handed out again, once', () => {
  const pool = new FramePool();
  const first = pool.take(1 << 20);
  pool.put(first);
  assert.equal(pool.take((1 << 20) - 100).buffer, first.buffer);
  assert.notEqual(pool.take(1 << 20).buffer, first.buffer);
});

test('no more is kept than allowed', () => {
  const pool = new FramePool({ keepBytesMax: 3 << 20 });
  const buffers = [1, 2, 3, 4].map(() => pool.take(1 << 20));
  for (const buffer of buffers) pool.put(buffer);
  const again = [1, 2, 3, 4].map(() => pool.take(1 << 20));
  const old = new Set(buffers.map(({ buffer }) => buffer));
  assert.equal(again.filter(({ buffer }) => old.has(buffer)).length, 3);
});
