import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputTooLarge } from '../../../connectors/kafka/codec-errors.ts';
import { decompress } from '../../../connectors/kafka/codecs.ts';
import { FramePool } from '../../../connectors/kafka/frame-pool.ts';
import { freshScratch, PooledScratch } from '../../../connectors/kafka/scratch.ts';
import { encodeBatch } from '../../../testing/kafka/batch-encoder.ts';
import { CODECS } from '../../../testing/kafka/compressors.ts';
import { frameOf } from './support/deliveries.ts';

test('a growing scratch keeps what is there already', () => {
  for (const scratch of [freshScratch(), new PooledScratch(new FramePool())]) {
    scratch.reserve(4, 0).write('abcd');
    assert.equal(scratch.reserve(300_000, 3).toString('utf8', 0, 3), 'abc');
  }
});

test('fresh memory is never the same, pooled memory is until it is too small', () => {
  const fresh = freshScratch();
  assert.notEqual(fresh.reserve(100, 0).buffer, fresh.reserve(100, 0).buffer);
  const pooled = new PooledScratch(new FramePool());
  assert.equal(pooled.reserve(100, 0).buffer, pooled.reserve(90, 0).buffer);
});

test('buffers that are outgrown or released go back to the pool', () => {
  const pool = new FramePool();
  const scratch = new PooledScratch(pool);
  const small = scratch.reserve(100_000, 0).buffer;
  const large = scratch.reserve(900_000, 0).buffer;
  assert.equal(pool.take(100_000).buffer, small);
  scratch.release();
  assert.equal(pool.take(900_000).buffer, large);
  scratch.release();
  assert.notEqual(pool.take(900_000).buffer, large, 'not twice');
});

test('the output limit counts, not the size of the buffer', () => {
  const input = Buffer.alloc(200_000, 'ab');
  for (const kind of ['lz4', 'snappy', 'xerial'] as const) {
    const scratch = new PooledScratch(new FramePool());
    scratch.reserve(1_000_000, 0);
    const { id, compress } = CODECS[kind];
    assert.deepEqual(decompress(id, compress(input), input.length, scratch), input);
    assert.throws(() => decompress(id, compress(input), input.length - 1, scratch), OutputTooLarge, kind);
    // Without a match: literals alone.
    const noise = Buffer.from(Array.from({ length: 60_000 }, (_, index) => (index * index * 31) >> 7));
    assert.throws(() => decompress(id, compress(noise), noise.length - 1, scratch), OutputTooLarge, kind);
  }
});

test('the batches of a frame decompress into one buffer, which the frame gives back', () => {
  const pool = new FramePool();
  const values = ['a', 'b', 'c'].map((letter) => letter.repeat(100_000));
  const { frame } = frameOf(
    values.map((value, baseOffset) => encodeBatch([{ value }], { baseOffset, codec: 'lz4' })),
    { scratchPool: pool },
  );
  const into = { start: new Int32Array(1), end: new Int32Array(1) };
  const buffers = frame?.batches.map((batch, index) => {
    const { bytes } = batch.decodeValues(into);
    assert.equal(bytes.toString('utf8', into.start[0], into.end[0]), values[index]);
    return bytes.buffer;
  });
  assert.equal(new Set(buffers).size, 1);
  const size = buffers?.[0]?.byteLength as number;
  assert.notEqual(pool.take(size).buffer, buffers?.[0]);
  frame?.release();
  assert.equal(pool.take(size).buffer, buffers?.[0]);
});
