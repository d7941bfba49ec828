import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestSize } from '../../../connectors/kafka/request-size.ts';

const MIB = 1 << 20;
const plain = { compressed: 0, decompressed: 0 };

test('the first request is small, then as much is asked for as allowed', () => {
  const size = new RequestSize({ bytesMax: 8 * MIB, budgetBytes: 96 * MIB });
  assert.equal(size.bytes(1), MIB);
  size.learn(MIB, plain);
  assert.equal(size.bytes(1), 8 * MIB);
});

test('answers of all brokers, two each, share a quarter of the budget', () => {
  const size = new RequestSize({ bytesMax: 8 * MIB, budgetBytes: 96 * MIB });
  size.learn(MIB, plain);
  assert.equal(size.bytes(3) * 2 * 3, 24 * MIB);
  assert.equal(size.bytes(1_000), 256 * 1024, 'but a request is never tiny');
});

test('where little becomes much, less is asked for, and more again when it does not any more', () => {
  const size = new RequestSize({ bytesMax: 8 * MIB, budgetBytes: 96 * MIB });
  size.learn(MIB, { compressed: MIB, decompressed: 16 * MIB });
  assert.equal(size.bytes(1), MIB / 2);
  for (let frame = 0; frame < 50; frame++) size.learn(MIB, plain);
  assert.ok(size.bytes(1) > 7.9 * MIB);
});

test('a limit below the smallest request is kept', () => {
  const size = new RequestSize({ bytesMax: 64 * 1024, budgetBytes: 96 * MIB });
  assert.equal(size.bytes(1), 64 * 1024);
});
