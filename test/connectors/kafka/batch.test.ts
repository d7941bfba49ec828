import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BadBatch,
  checkBatch,
  codecName,
  isControl,
  isTransactional,
  readBatchHeader,
} from '../../../connectors/kafka/batch.ts';
import { encodeBatch, encodeMarker } from '../../../testing/kafka/batch-encoder.ts';

const VALUES = [{ value: 'a' }, { value: 'b' }, { value: 'c' }];

test('a header says offsets, epoch, producer, kind and codec', () => {
  const shape = { baseOffset: 2 ** 40, leaderEpoch: 7, codec: 'zstd', producerId: 4711, transactional: true } as const;
  const bytes = encodeBatch(VALUES, shape);

  const header = readBatchHeader(bytes, 0, bytes.length, 0);

  assert.ok(header);
  assert.deepEqual(
    [header.baseOffset, header.lastOffset, header.leaderEpoch, header.producerId, header.count, header.end],
    [2 ** 40, 2 ** 40 + 2, 7, 4711, 3, bytes.length],
  );
  assert.equal(codecName(header), 'zstd');
  assert.ok(isTransactional(header) && !isControl(header));
  const marker = encodeMarker('abort', { producerId: 1 });
  assert.ok(isControl(readBatchHeader(marker, 0, marker.length, 0) as never));
});

test('a batch that is cut anywhere is no batch yet', () => {
  const bytes = encodeBatch(VALUES);
  for (let end = 0; end < bytes.length; end++) assert.equal(readBatchHeader(bytes, 0, end, 0), undefined);
});

test('every changed bit behind the checksum is noticed, and every other one is or is a batch of another place', () => {
  const intact = encodeBatch(VALUES, { baseOffset: 1000 });
  for (let at = 0; at < intact.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(intact);
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      let noticed = false;
      try {
        const header = readBatchHeader(bytes, 0, bytes.length, 1000);
        if (header === undefined) noticed = true;
        else checkBatch(bytes, header);
      } catch (error) {
        assert.ok(error instanceof BadBatch, String(error));
        noticed = true;
      }
      // CRC32C covers attributes and all behind it, and is itself compared; offsets and leader epoch are the broker's own.
      assert.equal(noticed || at < 16, true, `byte ${at}, bit ${bit}`);
    }
  }
});

test('message formats before 0.11 are refused by name', () => {
  for (const magic of [0, 1]) {
    const bytes = encodeBatch(VALUES, { magic });
    assert.throws(
      () => readBatchHeader(bytes, 0, bytes.length, 5),
      (error: BadBatch) => error.reason === 'oldFormat' && error.offset === 5 && error.message.includes(`v${magic}`),
    );
  }
});

test('headers whose numbers cannot be true are refused', () => {
  const lies: [name: string, change: (bytes: Buffer) => void][] = [
    ['a length shorter than the header', (bytes) => bytes.writeInt32BE(10, 8)],
    ['a negative length', (bytes) => bytes.writeInt32BE(-1, 8)],
    ['more records than offsets', (bytes) => bytes.writeInt32BE(4, 57)],
    ['a negative number of records', (bytes) => bytes.writeInt32BE(-1, 57)],
    ['a last offset before the first', (bytes) => bytes.writeInt32BE(-2, 23)],
    ['a negative offset', (bytes) => bytes.writeBigInt64BE(-5n, 0)],
    ['an offset beyond 2^53', (bytes) => bytes.writeBigInt64BE(2n ** 60n, 0)],
    ['an unknown format', (bytes) => bytes.writeInt8(3, 16)],
  ];
  for (const [name, change] of lies) {
    const bytes = encodeBatch(VALUES);
    change(bytes);
    assert.throws(() => readBatchHeader(bytes, 0, bytes.length, 0), BadBatch, name);
  }
});

test('the batches of the Java client and librdkafka pass their own checksum', async () => {
  const { GOLDEN_BATCHES } = await import('./support/golden-batches.ts');
  for (const { base64, codec } of GOLDEN_BATCHES) {
    const bytes = Buffer.from(base64, 'base64');
    const header = readBatchHeader(bytes, 0, bytes.length, 0);
    assert.ok(header);
    checkBatch(bytes, header);
    assert.deepEqual([header.count, header.end, codecName(header)], [30, bytes.length, codec]);
  }
});
