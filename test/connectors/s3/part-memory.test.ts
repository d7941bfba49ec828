import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Filling, PartMemory } from '../../../connectors/s3/part-memory.ts';

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

/** A part's first buffer. */
function begin(memory: PartMemory, bytesMax: number): Filling {
  const filling = new Filling(bytesMax);
  void memory.grow(filling, never);
  return filling;
}

/** Fills a part to its end. */
function openFull(memory: PartMemory, bytesMax: number): Filling {
  const filling = new Filling(bytesMax);
  while (filling.used < bytesMax) {
    void memory.grow(filling, never);
    filling.used = filling.buffer.length;
  }
  return filling;
}

const sendFull = (memory: PartMemory, bytesMax: number) => memory.send(openFull(memory, bytesMax)).buffer;

const isPending = async (promise: Promise<unknown>) => {
  const state = await Promise.race([promise.then(() => 'done'), Promise.resolve('pending')]);
  return state === 'pending';
};

test('a part that stays small needs little; one that grows keeps its content', () => {
  const { memory, reservation } = memoryOf(96 * MiB);
  const filling = begin(memory, 8 * MiB);
  filling.buffer.fill(7);
  filling.used = filling.buffer.length;
  assert.equal(reservation.bytes, 64 * KiB);

  void memory.grow(filling, never);

  assert.equal(filling.buffer.length, 256 * KiB);
  assert.ok(filling.buffer.subarray(0, filling.used).equals(Buffer.alloc(64 * KiB, 7)));
  assert.equal(reservation.bytes, 256 * KiB);
});

test('a part that fills soon gets all of its memory at once, as long as little of the open share is taken', () => {
  const { memory, reservation } = memoryOf(64 * MiB); // 32 MiB for open parts
  const [first, second, third] = [true, true, true].map((fillsSoon) => new Filling(8 * MiB, { fillsSoon })) as [
    Filling,
    Filling,
    Filling,
  ];

  for (const filling of [first, second, third]) void memory.grow(filling, never);

  assert.deepEqual(
    [first, second, third].map(({ buffer }) => buffer.length),
    [8 * MiB, 8 * MiB, 64 * KiB],
  );
  assert.equal(reservation.bytes, 16 * MiB + 64 * KiB);
});

test('a part that was put on its way before it was full begins small again', () => {
  const { memory } = memoryOf(64 * MiB);
  const filling = new Filling(8 * MiB, { fillsSoon: true });
  void memory.grow(filling, never);
  filling.used = MiB;
  memory.send(filling);

  void memory.grow(filling, never);

  assert.equal(filling.buffer.length, 64 * KiB);
});

test('what is held is reserved, from the first buffer to the last', () => {
  const { memory, reservation } = memoryOf(96 * MiB);
  const sending = sendFull(memory, 8 * MiB);
  const filling = begin(memory, 8 * MiB);
  assert.equal(reservation.bytes, 8 * MiB + 64 * KiB);

  memory.sent(sending, { reuse: false });
  memory.drop(filling);

  assert.equal(reservation.bytes, 0);
});

test('a part that was put on its way half full goes on with what is missing', () => {
  const { memory } = memoryOf(96 * MiB);
  const filling = begin(memory, 100 * KiB);
  filling.used = 60 * KiB;

  const { used } = memory.send(filling);
  void memory.grow(filling, never);

  assert.equal(used, 60 * KiB);
  assert.equal(filling.used, 0);
  assert.equal(filling.buffer.length, 40 * KiB);
});

test('a buffer is used again only when nobody can still read it', () => {
  const { memory } = memoryOf(96 * MiB);
  const [answered, unanswered] = [sendFull(memory, 8 * MiB), sendFull(memory, 8 * MiB)];

  memory.sent(unanswered as Buffer, { reuse: false });
  memory.sent(answered as Buffer, { reuse: true });

  assert.equal(openFull(memory, 8 * MiB).buffer, answered);
  assert.notEqual(openFull(memory, 8 * MiB).buffer, unanswered);
});

test('open parts that hold more than half of the budget are a shortage', () => {
  const { memory, shortages } = memoryOf(32 * MiB);
  openFull(memory, 8 * MiB);
  openFull(memory, 8 * MiB);
  assert.deepEqual(shortages, []);

  begin(memory, 8 * MiB);

  assert.deepEqual(shortages, [64 * KiB]);
});

test('buffers on their way are no shortage, but writers wait for one of them to arrive', async () => {
  const { memory, shortages } = memoryOf(32 * MiB);
  const sending = Array.from({ length: 3 }, () => sendFull(memory, 8 * MiB));

  const grown = memory.grow(new Filling(8 * MiB), never);

  assert.deepEqual(shortages, []);
  assert.ok(await isPending(grown));
  memory.sent(sending[0] as Buffer, { reuse: true });
  await grown;
});

test('writers that wait do not all come in at once when one buffer has arrived', async () => {
  const { memory, reservation } = memoryOf(32 * MiB);
  const sending = Array.from({ length: 3 }, () => sendFull(memory, 8 * MiB));
  const loads = Array.from({ length: 3 }, () => memory.load(8 * MiB, never));

  memory.sent(sending[0] as Buffer, { reuse: false });

  await loads[0];
  assert.ok(await isPending(loads[1] as Promise<Buffer>));
  assert.equal(reservation.bytes, 24 * MiB);
});

test('a whole part that waits is not overtaken by small beginnings', async () => {
  const { memory } = memoryOf(32 * MiB);
  const sending = Array.from({ length: 2 }, () => sendFull(memory, 8 * MiB));
  const [large, small] = [memory.load(16 * MiB, never), memory.grow(new Filling(8 * MiB), never)];

  assert.ok(await isPending(large));
  assert.ok(await isPending(small));
  for (const buffer of sending) memory.sent(buffer, { reuse: false });

  await large;
  await small;
});

test('nobody waits while nothing is on its way: what fills can only be helped by more records', async () => {
  const { memory, shortages } = memoryOf(16 * MiB);
  for (let part = 0; part < 3; part++) openFull(memory, 8 * MiB);

  await memory.grow(new Filling(8 * MiB), never);

  assert.ok(shortages.length > 0);
});

test('where a shortage puts parts on their way, the limit holds for whoever comes next', async () => {
  const { memory, reservation } = memoryOf(16 * MiB);
  const open = [openFull(memory, 4 * MiB), openFull(memory, 4 * MiB)];
  const sending: Buffer[] = [];
  memory.onShortage = () => {
    const filling = open.pop();
    if (filling !== undefined) sending.push(memory.send(filling).buffer);
  };

  const loaded = memory.load(8 * MiB, never);

  assert.ok(await isPending(loaded));
  memory.sent(sending[0] as Buffer, { reuse: true });
  await loaded;
  assert.equal(reservation.bytes, 12 * MiB);
});

test('waiting for room ends with the signal', async () => {
  const { memory } = memoryOf(16 * MiB);
  sendFull(memory, 12 * MiB);
  const controller = new AbortController();
  const grown = memory.grow(new Filling(8 * MiB), controller.signal);

  controller.abort(new Error('over'));

  await assert.rejects(grown, { message: 'over' });
});

test('kept buffers are dropped when the memory is needed for others', () => {
  const { memory, reservation } = memoryOf(32 * MiB);
  const kept = Array.from({ length: 2 }, () => sendFull(memory, 8 * MiB));
  for (const buffer of kept) memory.sent(buffer, { reuse: true });
  assert.equal(reservation.bytes, 16 * MiB);

  begin(memory, 12 * MiB);
  openFull(memory, 12 * MiB);

  assert.ok(reservation.bytes < 24 * MiB, `${reservation.bytes}`);
});
