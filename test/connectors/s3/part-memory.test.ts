import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartMemory } from '../../../connectors/s3/part-memory.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const never = new AbortController().signal;

function memoryOf(budgetBytes: number) {
  const reservation = {
    bytes: 0,
    resize(bytes: number) {
      this.bytes = bytes;
    },
    release() {
      this.bytes = 0;
    },
  };
  const memory = new PartMemory({ budgetBytes, reservation });
  const shortages: number[] = [];
  memory.onShortage = (bytes) => shortages.push(bytes);
  return { memory, reservation, shortages };
}

/** Grows as a part does that is filled. */
function openFull(memory: PartMemory, bytesMax: number): Buffer {
  let buffer = memory.open(bytesMax);
  while (buffer.length < bytesMax) buffer = memory.open(bytesMax, { buffer, used: buffer.length });
  return buffer;
}

const isPending = async (promise: Promise<unknown>) => {
  const state = await Promise.race([promise.then(() => 'done'), Promise.resolve('pending')]);
  return state === 'pending';
};

test('a part that stays small needs little; one that grows keeps its content', () => {
  const { memory, reservation } = memoryOf(96 * MiB);
  const small = memory.open(8 * MiB);
  small.fill(7);
  assert.equal(reservation.bytes, 64 * KiB);

  const larger = memory.open(8 * MiB, { buffer: small, used: small.length });

  assert.equal(larger.length, 256 * KiB);
  assert.ok(larger.subarray(0, small.length).equals(small));
  assert.equal(reservation.bytes, 256 * KiB);
});

test('what is held is reserved, from the first buffer to the last', () => {
  const { memory, reservation } = memoryOf(96 * MiB);
  const first = openFull(memory, 8 * MiB);
  const second = memory.open(8 * MiB);
  memory.send(first);
  assert.equal(reservation.bytes, 8 * MiB + 64 * KiB);

  memory.sent(first, { reuse: false });
  memory.drop(second);

  assert.equal(reservation.bytes, 0);
});

test('a buffer is used again only when nobody can still read it', () => {
  const { memory } = memoryOf(96 * MiB);
  const [answered, unanswered] = [openFull(memory, 8 * MiB), openFull(memory, 8 * MiB)];
  for (const buffer of [answered, unanswered]) memory.send(buffer);

  memory.sent(unanswered, { reuse: false });
  memory.sent(answered, { reuse: true });

  assert.equal(openFull(memory, 8 * MiB), answered);
  assert.notEqual(openFull(memory, 8 * MiB), unanswered);
});

test('open parts that hold more than half of the budget are a shortage', () => {
  const { memory, shortages } = memoryOf(32 * MiB);
  openFull(memory, 8 * MiB);
  openFull(memory, 8 * MiB);
  assert.deepEqual(shortages, []);

  memory.open(8 * MiB);

  assert.deepEqual(shortages, [64 * KiB]);
});

test('buffers on their way are no shortage, but writers wait for one of them to arrive', async () => {
  const { memory, shortages } = memoryOf(32 * MiB);
  const sending = Array.from({ length: 4 }, () => {
    const buffer = openFull(memory, 8 * MiB);
    memory.send(buffer);
    return buffer;
  });

  const room = memory.room(never);

  assert.deepEqual(shortages, []);
  assert.ok(await isPending(room));
  memory.sent(sending[0] as Buffer, { reuse: true });
  await room;
});

test('nobody waits while nothing is on its way: what fills can only be helped by more records', async () => {
  const { memory, shortages } = memoryOf(16 * MiB);
  for (let part = 0; part < 3; part++) openFull(memory, 8 * MiB);

  await memory.room(never);

  assert.ok(shortages.length > 0);
});

test('waiting for room ends with the signal', async () => {
  const { memory } = memoryOf(16 * MiB);
  for (let part = 0; part < 2; part++) memory.send(openFull(memory, 8 * MiB));
  const controller = new AbortController();
  const room = memory.room(controller.signal);

  controller.abort(new Error('over'));

  await assert.rejects(room, { message: 'over' });
});

test('kept buffers are dropped when the memory is needed for others', () => {
  const { memory, reservation } = memoryOf(32 * MiB);
  const kept = Array.from({ length: 2 }, () => openFull(memory, 8 * MiB));
  for (const buffer of kept) memory.send(buffer);
  for (const buffer of kept) memory.sent(buffer, { reuse: true });
  assert.equal(reservation.bytes, 16 * MiB);

  memory.open(12 * MiB, { buffer: memory.open(12 * MiB), used: 0 });
  openFull(memory, 12 * MiB);

  assert.ok(reservation.bytes < 24 * MiB, `${reservation.bytes}`);
});
