import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AbortedFilter } from '../../../connectors/kafka/aborted.ts';
import { type BatchHeader, readBatchHeader } from '../../../connectors/kafka/batch.ts';
import type { KafkaModel } from '../../../testing/kafka/model.ts';
import { add, clicks, fetchFrom } from './support/client.ts';

const lso = (model: KafkaModel) => model.partition('clicks', 0).lastStableOffset;
const aborted = (model: KafkaModel, from: number, bytesMax = 1 << 20) =>
  fetchFrom(model, from, { bytesMax }).aborted.map(({ producerId, firstOffset }) => [producerId, firstOffset]);

test('the last stable offset stays before the first open transaction, and moves when that one ends', () => {
  const model = clicks();
  add(model, 3);
  model.beginTransaction(1);
  model.beginTransaction(2);
  assert.equal(lso(model), 3, 'a transaction begins with its first record');
  add(model, 2, { producerId: 2 }); // 3, 4
  add(model, 2, { producerId: 1 }); // 5, 6
  add(model, 1); // 7
  assert.equal(lso(model), 3);
  model.endTransaction(2, 'commit'); // marker at 8
  assert.equal(lso(model), 5);
  model.endTransaction(1, 'abort'); // marker at 9
  assert.equal(lso(model), 10);
});

test('committed fetches end at the last stable offset, uncommitted ones at the end', () => {
  const model = clicks();
  add(model, 3);
  model.beginTransaction(1);
  add(model, 2, { producerId: 1 });
  add(model, 1);
  const committed = fetchFrom(model, 0);
  assert.deepEqual(committed.offsets, [0]);
  assert.deepEqual([committed.lastStableOffset, committed.highWatermark], [3, 6]);
  assert.deepEqual(fetchFrom(model, 0, { readCommitted: false }).offsets, [0, 3, 5]);
  assert.deepEqual(fetchFrom(model, 4).offsets, [], 'an offset behind it may be asked for');
  assert.equal(fetchFrom(model, 4).waitMs, 500);
});

test('a fetch names the aborted transactions that overlap what it returns, and no others', () => {
  const model = clicks();
  for (const [producerId, outcome] of [
    [1, 'abort'], // 0, marker 1
    [2, 'commit'], // 2, 3
    [3, 'abort'], // 4, 5
  ] as const) {
    model.beginTransaction(producerId);
    add(model, 1, { producerId });
    model.endTransaction(producerId, outcome);
  }
  assert.deepEqual(aborted(model, 0), [
    [1, 0],
    [3, 4],
  ]);
  assert.deepEqual(aborted(model, 1), [
    [1, 0],
    [3, 4],
  ]);
  assert.deepEqual(aborted(model, 2), [[3, 4]]);
  assert.deepEqual(aborted(model, 0, 1), [[1, 0]], 'only the first batch fits');
  assert.deepEqual(fetchFrom(model, 0, { readCommitted: false }).aborted, []);
});

test('overlapping transactions of several producers are told apart by where each began and ended', () => {
  const model = clicks();
  for (const producerId of [1, 2, 3]) model.beginTransaction(producerId);
  add(model, 1, { producerId: 1 }); // 0
  add(model, 1, { producerId: 2 }); // 1
  add(model, 1, { producerId: 3 }); // 2
  add(model, 1, { producerId: 1 }); // 3
  model.endTransaction(2, 'abort'); // 4
  add(model, 1, { producerId: 3 }); // 5
  model.endTransaction(1, 'commit'); // 6
  model.endTransaction(3, 'abort'); // 7
  assert.deepEqual(aborted(model, 0), [
    [2, 1],
    [3, 2],
  ]);
  assert.deepEqual(aborted(model, 5), [[3, 2]], 'it began before, but its records go on behind');
  assert.deepEqual(aborted(model, 0, 1), [], 'none of them has begun in the first batch');
});

test('a marker goes to every partition that the transaction wrote to, and to no other', () => {
  const model = clicks({ partitions: 3 });
  model.beginTransaction(1);
  add(model, 1, { producerId: 1, partition: 0 });
  add(model, 1, { producerId: 1, partition: 2 });
  model.endTransaction(1, 'commit');
  assert.deepEqual(
    [0, 1, 2].map((partition) => model.endOffset('clicks', partition)),
    [2, 0, 2],
  );
});

test('a partition without a leader gets records and marker in their order once it has one', () => {
  const model = clicks();
  model.beginTransaction(1);
  add(model, 1, { producerId: 1 });
  model.stopNode(1);
  assert.equal(add(model, 1, { producerId: 1 }), undefined);
  model.endTransaction(1, 'abort');
  assert.deepEqual([model.endOffset('clicks', 0), lso(model)], [1, 0]);
  model.startNode(1);
  model.moveLeader('clicks', 0, 1);
  assert.deepEqual([model.endOffset('clicks', 0), lso(model)], [3, 3]);
  assert.deepEqual(aborted(model, 0), [[1, 0]]);
});

test('a transaction whose marker was cut off is open again, and can be ended again', () => {
  const model = clicks();
  model.beginTransaction(1);
  add(model, 2, { producerId: 1 });
  model.endTransaction(1, 'commit'); // marker at 2
  model.truncate('clicks', 0, 2);
  assert.equal(lso(model), 0);
  assert.deepEqual(model.openTransactions, [1]);
  model.endTransaction(1, 'abort');
  assert.equal(lso(model), 3);
  assert.deepEqual(aborted(model, 0), [[1, 0]]);
});

test('an open transaction that lost all its records holds nothing back any more', () => {
  const model = clicks();
  add(model, 1);
  model.beginTransaction(1);
  add(model, 2, { producerId: 1 });
  model.truncate('clicks', 0, 1);
  add(model, 1);
  assert.equal(lso(model), 2);
});

test('records deleted under an open transaction move the last stable offset with the start of the log', () => {
  const model = clicks();
  model.beginTransaction(1);
  add(model, 2, { producerId: 1 });
  add(model, 2);
  model.deleteRecordsBefore('clicks', 0, 3);
  assert.equal(lso(model), 3);
});

test('what cannot be is refused: ending what was not begun, beginning twice', () => {
  const model = clicks();
  assert.throws(() => model.endTransaction(1, 'commit'), /no transaction open/);
  model.beginTransaction(1);
  assert.throws(() => model.beginTransaction(1), /has a transaction open/);
});

type Act = { kind: 'plain' | 'write' | 'end'; producer: number; outcome: 'commit' | 'abort' };

test('whatever overlaps, a filter by the index shows exactly the committed batches, from every offset and in any pieces', () => {
  const act: fc.Arbitrary<Act> = fc.record({
    kind: fc.constantFrom('plain', 'write', 'write', 'end'),
    producer: fc.integer({ min: 1, max: 4 }),
    outcome: fc.constantFrom('commit', 'abort'),
  });
  const run = (acts: readonly Act[], bytesMax: number) => {
    const model = clicks();
    const visible = play(model, acts);
    const end = lso(model);
    const wanted = visible.filter((offset) => offset < end);
    for (let from = 0; from <= end; from++) {
      assert.deepEqual(
        readVisible(model, from, bytesMax),
        wanted.filter((offset) => offset >= from),
      );
    }
  };
  fc.assert(fc.property(fc.array(act, { maxLength: 40 }), fc.integer({ min: 1, max: 600 }), run), { numRuns: 200 });
});

/** Returns the offsets of records outside of aborted transactions, open ones included. */
function play(model: KafkaModel, acts: readonly Act[]): number[] {
  const plain: number[] = [];
  const written = new Map<number, number[]>();
  for (const { kind, producer, outcome } of acts) {
    const ofProducer = written.get(producer);
    if (kind === 'plain') plain.push(add(model, 1) as number);
    else if (kind === 'write') {
      if (ofProducer === undefined) model.beginTransaction(producer);
      written.set(producer, [...(ofProducer ?? []), add(model, 1, { producerId: producer }) as number]);
    } else if (ofProducer !== undefined) {
      model.endTransaction(producer, outcome);
      if (outcome === 'commit') plain.push(...ofProducer);
      written.delete(producer);
    }
  }
  return [...plain, ...[...written.values()].flat()].sort((a, b) => a - b);
}

function readVisible(model: KafkaModel, from: number, bytesMax: number): number[] {
  const offsets: number[] = [];
  for (let next = from; next < lso(model); ) {
    const { start, end, aborted, bytes } = fetchFrom(model, next, { bytesMax });
    const filter = new AbortedFilter(aborted);
    for (let at = start; ; ) {
      const header: BatchHeader | undefined = readBatchHeader(bytes, at, end, next);
      if (header === undefined) break;
      if (!filter.drops(bytes, header)) offsets.push(header.baseOffset);
      next = header.lastOffset + 1;
      at = header.end;
    }
  }
  return offsets;
}
