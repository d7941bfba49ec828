import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeBatch, encodeMarker } from '../../../testing/kafka/batch-encoder.ts';
import { allValues, frameOf, positionsAfter } from './support/deliveries.ts';

interface Step {
  producer: number;
  kind: 'data' | 'commit' | 'abort' | 'plain';
}

/** A log of one partition as a broker keeps it: batches, what becomes visible, and the aborted transactions. */
function writeLog(steps: readonly Step[]) {
  const batches: { bytes: Buffer; base: number; last: number }[] = [];
  const open = new Map<number, { first: number; values: string[] }>();
  const visible: { offset: number; value: string }[] = [];
  const aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];
  const pending = new Map<number, { offset: number; value: string }[]>();
  let offset = 0;
  const append = (bytes: Buffer, count: number) => {
    batches.push({ bytes, base: offset, last: offset + count - 1 });
    offset += count;
  };
  for (const { producer, kind } of steps) {
    if (kind === 'plain' || kind === 'data') {
      const records = [`${kind}-${offset}`, `${kind}-${offset + 1}`].map((value, index) => ({
        offset: offset + index,
        value,
      }));
      const transactional = kind === 'data';
      if (transactional) {
        if (!open.has(producer)) open.set(producer, { first: offset, values: [] });
        pending.set(producer, [...(pending.get(producer) ?? []), ...records]);
      } else visible.push(...records);
      const shape = { baseOffset: offset, producerId: transactional ? producer : -1, transactional };
      append(encodeBatch(records, shape), 2);
    } else {
      const transaction = open.get(producer);
      const marker = encodeMarker(kind, { baseOffset: offset, producerId: producer });
      if (transaction !== undefined) {
        if (kind === 'commit') visible.push(...(pending.get(producer) ?? []));
        else aborted.push({ producerId: producer, firstOffset: transaction.first, lastOffset: offset });
      }
      open.delete(producer);
      pending.delete(producer);
      append(marker, 1);
    }
  }
  const lastStable = Math.min(offset, ...[...open.values()].map(({ first }) => first));
  visible.sort((a, b) => a.offset - b.offset);
  return { batches, aborted, lastStable, visible: visible.filter((record) => record.offset < lastStable) };
}

/** What a broker answers: whole batches below the last stable offset, and the aborted transactions that overlap them. */
function fetchFrom({ batches, aborted, lastStable }: ReturnType<typeof writeLog>, from: number, batchesMax: number) {
  const returned = batches.filter(({ base, last }) => last >= from && base < lastStable).slice(0, batchesMax);
  const last = returned.at(-1)?.last ?? from;
  return {
    batches: returned.map(({ bytes }) => bytes),
    aborted: aborted.filter((one) => one.firstOffset <= last && one.lastOffset >= from).reverse(),
    next: last + 1,
  };
}

function readAll(log: ReturnType<typeof writeLog>, start: number, batchesMax: number): (string | null)[] {
  const values: (string | null)[] = [];
  for (let from = start; from < log.lastStable; ) {
    const { batches, aborted, next } = fetchFrom(log, from, batchesMax);
    const { frame, bad } = frameOf(batches, { from, aborted });
    assert.deepEqual(bad, []);
    values.push(...allValues(frame));
    assert.equal(positionsAfter(frame, frame?.count ?? 0)[0]?.offset, next);
    from = next;
  }
  return values;
}

const steps = fc.array(
  fc.record({
    producer: fc.integer({ min: 1, max: 4 }),
    kind: fc.constantFrom('data', 'data', 'plain', 'commit', 'abort'),
  }) as fc.Arbitrary<Step>,
  { maxLength: 40 },
);

test('overlapping transactions: committed records come once and aborted ones never, from any start and in any fetch size', () => {
  fc.assert(
    fc.property(steps, fc.nat(), fc.integer({ min: 1, max: 6 }), (all, some, batchesMax) => {
      const log = writeLog(all);
      const start = log.lastStable === 0 ? 0 : some % log.lastStable;
      const expected = log.visible.filter(({ offset }) => offset >= start).map(({ value }) => value);
      assert.deepEqual(readAll(log, start, batchesMax), expected);
    }),
    { numRuns: 500 },
  );
});

test('an aborted transaction larger than a fetch stays away although its marker comes in a later answer', () => {
  const data: Step[] = Array.from({ length: 30 }, () => ({ producer: 1, kind: 'data' }));
  const log = writeLog([
    ...data,
    { producer: 2, kind: 'plain' },
    { producer: 1, kind: 'abort' },
    { producer: 1, kind: 'data' },
    { producer: 1, kind: 'commit' },
  ]);
  for (const batchesMax of [1, 2, 7])
    assert.deepEqual(readAll(log, 0, batchesMax), ['plain-60', 'plain-61', 'data-63', 'data-64']);
});

test('the marker of one producer ends only its own transaction', () => {
  const log = writeLog([
    { producer: 1, kind: 'data' },
    { producer: 2, kind: 'data' },
    { producer: 2, kind: 'abort' },
    { producer: 1, kind: 'data' },
    { producer: 1, kind: 'abort' },
    { producer: 1, kind: 'data' },
    { producer: 1, kind: 'commit' },
  ]);
  assert.deepEqual(readAll(log, 0, 100), ['data-8', 'data-9']);
});

test('records with keys that look like markers are records', () => {
  const { frame } = frameOf([
    encodeBatch([{ key: Buffer.alloc(4), value: 'v' }], { producerId: 1, transactional: true }),
  ]);
  assert.deepEqual(allValues(frame), ['v']);
});

test('read_uncommitted delivers aborted records and still no markers', () => {
  const log = writeLog([
    { producer: 1, kind: 'data' },
    { producer: 1, kind: 'abort' },
  ]);
  const { batches, aborted } = fetchFrom(log, 0, 10);
  assert.deepEqual(allValues(frameOf(batches, { aborted, readCommitted: false }).frame), ['data-0', 'data-1']);
});

test('a marker that is broken stops the partition instead of being guessed', () => {
  const short = encodeBatch([{ key: Buffer.from([0, 0]), value: null }], {
    producerId: 1,
    transactional: true,
    control: true,
  });
  const { frame, bad } = frameOf([short], { aborted: [{ producerId: 1, firstOffset: 0 }] });
  assert.equal(frame, undefined);
  assert.equal(bad[0]?.reason, 'records');
});

test('a batch that is left out as aborted is checked before: a flipped bit in its header must not hide records', () => {
  const batch = encodeBatch([{ value: 'keep' }], { producerId: 1, transactional: true });
  batch.writeBigInt64BE(2n, 43); // another producer, whose transaction was aborted
  const { frame, bad } = frameOf([batch], { aborted: [{ producerId: 2, firstOffset: 0 }] });
  assert.equal(frame, undefined);
  assert.equal(bad[0]?.reason, 'checksum');
});
