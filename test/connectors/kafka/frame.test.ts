import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scanPartition } from '../../../connectors/kafka/frame.ts';
import { type Frame, LinePacker } from '../../../core/spi.ts';
import { encodeBatch, encodeMarker, type TestRecord } from '../../../testing/kafka/batch-encoder.ts';
import type { CodecKind } from '../../../testing/kafka/compressors.ts';
import { allOffsets, allValues, frameOf, frameOfSplits, positionsAfter } from './support/deliveries.ts';

const letters = (text: string): TestRecord[] => [...text].map((value) => ({ value }));
const offsetsAt = (frame: Frame | undefined, taken: number) =>
  positionsAfter(frame, taken).map(({ split, offset }) => `${split}@${offset}`);

test('a scan of headers alone says where the next fetch begins', () => {
  const bytes = Buffer.concat([
    encodeBatch(letters('abc'), { baseOffset: 10, leaderEpoch: 4 }),
    encodeMarker('commit', { baseOffset: 13, producerId: 1, leaderEpoch: 5 }),
    encodeBatch(letters('de'), { baseOffset: 14 }).subarray(0, 70),
  ]);
  const scanned = scanPartition(bytes, 0, bytes.length, { offset: 11, leaderEpoch: 3 });
  assert.deepEqual(scanned.next, { offset: 14, leaderEpoch: 5 });
  assert.equal(scanned.headers.length, 2);
  assert.equal(scanned.bad, undefined);
});

test('a batch that begins below the fetch offset counts only what was not read before', () => {
  for (const codec of ['none', 'lz4'] as const) {
    const { frame } = frameOf([encodeBatch(letters('abcde'), { baseOffset: 100, codec })], { from: 103 });
    assert.equal(frame?.count, 2);
    assert.deepEqual(allValues(frame), ['d', 'e']);
    assert.equal(frame?.batches[0]?.offsetFirst, 103);
    assert.deepEqual(
      [0, 1, 2].map((taken) => offsetsAt(frame, taken)),
      [['clicks/0@103'], ['clicks/0@104'], ['clicks/0@105']],
    );
  }
});

test('a stop inside a batch leaves out the rest, and the position is the stop', () => {
  for (const codec of ['none', 'zstd'] as const) {
    const { frame } = frameOf(
      [encodeBatch(letters('abcde'), { baseOffset: 100, codec }), encodeBatch(letters('f'), { baseOffset: 105 })],
      { from: 101, to: 103 },
    );
    assert.deepEqual(allValues(frame), ['b', 'c']);
    assert.deepEqual(offsetsAt(frame, 2), ['clicks/0@103']);
  }
});

test('gaps made by compaction: offsets are those of the records, positions move over the gaps', () => {
  const sparse = [
    { value: 'b', offsetDelta: 1 },
    { value: 'd', offsetDelta: 3 },
    { value: 'h', offsetDelta: 7 },
  ];
  for (const codec of ['none', 'gzip'] as const) {
    const batch = () => encodeBatch(sparse, { baseOffset: 10, lastOffsetDelta: 9, codec });
    const { frame } = frameOf([batch()], { from: 0 });
    assert.deepEqual(allOffsets(frame), [11, 13, 17]);
    assert.deepEqual(allValues(frame), ['b', 'd', 'h']);
    assert.equal(frame?.batches[0]?.offsetFirst, 11);
    assert.deepEqual(
      [1, 2, 3].map((taken) => offsetsAt(frame, taken)),
      [['clicks/0@12'], ['clicks/0@14'], ['clicks/0@20']],
    );

    // From and to inside the gaps.
    const part = frameOf([batch()], { from: 12, to: 16 }).frame;
    assert.deepEqual(allOffsets(part), [13]);
    assert.deepEqual(offsetsAt(part, 1), ['clicks/0@16']);
    const rest = frameOf([batch()], { from: 18 }).frame;
    assert.equal(rest?.count, 0);
    assert.deepEqual(offsetsAt(rest, 0), ['clicks/0@20']);
  }
});

test('batches emptied by compaction and markers deliver nothing and move the position', () => {
  const { frame } = frameOf([
    encodeBatch([], { baseOffset: 0, lastOffsetDelta: 4 }),
    encodeMarker('commit', { baseOffset: 5, producerId: 1 }),
  ]);
  assert.equal(frame?.count, 0);
  assert.deepEqual(offsetsAt(frame, 0), ['clicks/0@6']);
});

test('what follows a batch invisibly belongs to its end, so a position never stands before it', () => {
  const { frame } = frameOf([
    encodeMarker('commit', { baseOffset: 0, producerId: 1 }),
    encodeBatch(letters('ab'), { baseOffset: 1 }),
    encodeMarker('commit', { baseOffset: 3, producerId: 1 }),
    encodeBatch(letters('c'), { baseOffset: 4 }),
    encodeBatch([], { baseOffset: 5, lastOffsetDelta: 3 }),
  ]);
  const positions = [0, 1, 2, 3].map((taken) => offsetsAt(frame, taken)?.[0]);
  assert.deepEqual(positions, ['clicks/0@0', 'clicks/0@2', 'clicks/0@4', 'clicks/0@9']);
});

test('positions keep the leader epoch of what was taken last', () => {
  const { frame } = frameOf([
    encodeBatch(letters('ab'), { leaderEpoch: 3 }),
    encodeBatch(letters('c'), { baseOffset: 2, leaderEpoch: 8 }),
  ]);
  const epochs = [0, 1, 2, 3].map((taken) => positionsAfter(frame, taken)[0]?.leaderEpoch);
  assert.deepEqual(epochs, [-1, 3, 3, 8]);
});

test('behind a marker that a newer leader wrote positions have its epoch, though no record is of it', () => {
  const { frame } = frameOf([
    encodeBatch(letters('ab'), { leaderEpoch: 3, producerId: 1, transactional: true }),
    encodeMarker('commit', { baseOffset: 2, producerId: 1, leaderEpoch: 8 }),
    encodeBatch(letters('c'), { baseOffset: 3, leaderEpoch: 8 }),
  ]);
  const positions = [1, 2, 3].map((taken) => positionsAfter(frame, taken)[0]);
  assert.deepEqual(
    positions.map((position) => [position?.offset, position?.leaderEpoch]),
    [
      [1, 3],
      [3, 8],
      [4, 8],
    ],
  );
});

test('a frame of several splits gives the position of each at every record', () => {
  const { frame } = frameOfSplits([
    { split: 'clicks/0', batches: [encodeBatch(letters('ab'))] },
    { split: 'clicks/1', batches: [encodeBatch([], { baseOffset: 5, lastOffsetDelta: 1 })], from: 5 },
    { split: 'views/0', batches: [encodeBatch(letters('c'), { baseOffset: 9 })], from: 9 },
    { split: 'views/1', batches: [], from: 77 },
  ]);
  assert.deepEqual(offsetsAt(frame, 1), ['clicks/0@1', 'clicks/1@5', 'views/0@9']);
  assert.deepEqual(offsetsAt(frame, 2), ['clicks/0@2', 'clicks/1@7', 'views/0@9']);
  assert.deepEqual(offsetsAt(frame, 3), ['clicks/0@2', 'clicks/1@7', 'views/0@10']);
});

test('nothing visible and nothing moved is no frame', () => {
  assert.equal(frameOf([]).frame, undefined);
});

test('offsets that come twice or stand still are refused', () => {
  const twice = frameOf([encodeBatch(letters('ab')), encodeBatch(letters('cd'), { baseOffset: 1 })]);
  assert.equal(twice.bad[0]?.reason, 'format');
  assert.deepEqual(allValues(twice.frame), ['a', 'b']);
  const old = frameOf([encodeBatch(letters('ab'))], { from: 2 });
  assert.equal(old.bad[0]?.reason, 'format');
  assert.equal(old.frame, undefined);
});

test('bytes that hold no whole batch are refused instead of being asked for again for ever', () => {
  const { bad, frame } = frameOf([encodeBatch(letters('abc')).subarray(0, 65)]);
  assert.equal(bad[0]?.reason, 'format');
  assert.equal(frame, undefined);
});

test('what lies before a broken batch is delivered', () => {
  const old = encodeBatch(letters('x'), { baseOffset: 3, magic: 1 });
  const { frame, bad } = frameOf([encodeBatch(letters('abc')), old, encodeBatch(letters('y'), { baseOffset: 4 })]);
  assert.deepEqual(allValues(frame), ['a', 'b', 'c']);
  assert.deepEqual(offsetsAt(frame, 3), ['clicks/0@3']);
  assert.equal(bad[0]?.reason, 'oldFormat');
});

test('packed in place over batches, splits and codecs, every line comes out in order', () => {
  const record = fc.record({
    value: fc.option(
      fc.string({ maxLength: 30 }).map((text) => JSON.stringify(text)),
      { freq: 8 },
    ),
    key: fc.option(fc.string({ maxLength: 10 })),
  });
  const batch = fc.record({
    records: fc.array(record, { minLength: 1, maxLength: 12 }),
    codec: fc.constantFrom<CodecKind>('none', 'none', 'none', 'lz4', 'xerial'),
    gap: fc.nat({ max: 2 }),
  });
  fc.assert(
    fc.property(
      fc.array(fc.array(batch, { maxLength: 5 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 200 }),
      (splits, bytesMax) => {
        const expected: string[] = [];
        const encoded = splits.map((batches, split) => {
          let offset = 0;
          const bytes = batches.map(({ records, codec, gap }) => {
            expected.push(...records.map(({ value }) => value ?? 'null'));
            const shape = { baseOffset: offset, codec, lastOffsetDelta: records.length - 1 + gap };
            offset += records.length + gap;
            return encodeBatch(records, shape);
          });
          return { split: `clicks/${split}`, batches: bytes };
        });
        const { frame } = frameOfSplits(encoded);
        const packer = new LinePacker({ delimiter: 10, newlines: 'rewrite', nulls: 'write' }, (batch) => batch.group);
        let text = '';
        for (let from = 0; frame !== undefined && from < frame.count; ) {
          const range = packer.pack(frame, from, () => ({ bytesMax, recordsMax: 7 }));
          text += range.bytes.toString();
          from = range.taken;
        }
        assert.equal(text, expected.map((line) => `${line}\n`).join(''));
      },
    ),
    { numRuns: 300 },
  );
});
