import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordFrame, SlabPool } from '../../../core/batch/frame.ts';
import { frameOf } from '../../../testing/frames.ts';

const offsetsAfter = (frame: RecordFrame, taken: number) =>
  Object.fromEntries(
    frame.positionsAfter(taken).map(({ split, position }) => [split, (position as { offset: number }).offset]),
  );

test('a frame counts the records of all its batches', () => {
  const frame = frameOf([
    { split: 'a/0', values: ['1', '2'] },
    { split: 'a/1', values: [] },
    { split: 'a/2', values: ['3'] },
  ]);

  assert.equal(frame.count, 3);
});

test('the memory is recycled at the last release, not before', () => {
  const frame = frameOf([{ split: 'a/0', values: ['1'] }]);

  frame.retain();
  frame.release();
  assert.equal(frame.isRecycled, false);
  frame.release();

  assert.equal(frame.isRecycled, true);
});

test('a released frame can be neither retained, released nor asked for a slab', () => {
  const frame = frameOf([{ split: 'a/0', values: ['1'] }]);
  frame.release();

  assert.throws(() => frame.retain(), { code: 'ASSERTION' });
  assert.throws(() => frame.release(), { code: 'ASSERTION' });
  assert.throws(() => frame.slab(1), { code: 'ASSERTION' });
});

test('slabs are as long as asked for, and go back to the pool with the frame', () => {
  const slabs = new SlabPool({ slabBytes: 100 });
  const frame = new RecordFrame({ batches: [], positionsAt: () => [], slabs, recycle: () => {} });

  const small = frame.slab(10);
  const large = frame.slab(1000);
  assert.notEqual(slabs.take(10), small, 'a slab in use is not given out a second time');
  frame.release();

  assert.equal(large.length, 1000);
  assert.equal(slabs.take(10), small);
  assert.equal(slabs.take(10).length, 100);
});

test('the pool keeps no more slabs than it was told to', () => {
  const slabs = new SlabPool({ slabBytes: 10, keepMax: 1 });
  const [kept, dropped] = [slabs.take(1), slabs.take(1)];

  slabs.put(kept);
  slabs.put(dropped);

  assert.equal(slabs.take(1), kept);
  assert.notEqual(slabs.take(1), dropped);
});

test('positions in the middle of a batch count what was taken of it and nothing of later batches', () => {
  const frame = frameOf([
    { split: 'a/0', offset: 10, values: ['1', '2'], gap: 5 },
    { split: 'a/1', offset: 20, values: ['3', '4'] },
  ]);

  assert.deepEqual(offsetsAfter(frame, 0), { 'a/0': 10, 'a/1': 20 });
  assert.deepEqual(offsetsAfter(frame, 1), { 'a/0': 11, 'a/1': 20 });
  assert.deepEqual(offsetsAfter(frame, 3), { 'a/0': 17, 'a/1': 21 });
});

test('at the end of a batch its position lies behind the gap, and so do batches without records before it', () => {
  const frame = frameOf([
    { split: 'a/0', offset: 10, values: ['1', '2'], gap: 5 },
    { split: 'a/2', offset: 7, values: [], gap: 3 },
    { split: 'a/1', offset: 20, values: ['3'] },
  ]);

  assert.deepEqual(offsetsAfter(frame, 2), { 'a/0': 17, 'a/2': 10, 'a/1': 20 });
});

test('a frame of empty batches moves every position with no record taken', () => {
  const frame = frameOf([{ split: 'a/0', offset: 3, values: [], gap: 4 }]);

  assert.deepEqual(offsetsAfter(frame, 0), { 'a/0': 7 });
});

test('positions outside of the frame are refused', () => {
  const frame = frameOf([{ split: 'a/0', values: ['1'] }]);

  assert.throws(() => frame.positionsAfter(2), { code: 'ASSERTION' });
  assert.throws(() => frame.positionsAfter(-1), { code: 'ASSERTION' });
});
