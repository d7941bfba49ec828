import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { valueBytesMax, writeValue } from '../../../connectors/datagen/value.ts';

function valueText(valueBytes: number, key: { seed: number; partition: number; sequence: number }): string {
  const bytes = Buffer.alloc(valueBytesMax(valueBytes) + 10, 0xff);
  const end = writeValue(bytes, 3, valueBytes, key);
  return bytes.toString('latin1', 3, end);
}

const key = fc.record({
  seed: fc.nat(0xffff_ffff),
  partition: fc.nat(100_000),
  sequence: fc.maxSafeNat(),
});

test('a value is JSON with its partition and sequence, as long as asked for unless the numbers need more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), key, (valueBytes, key) => {
      const text = valueText(valueBytes, key);
      const value = JSON.parse(text) as { partition: number; sequence: number; text: string };
      assert.equal(value.partition, key.partition);
      assert.equal(value.sequence, key.sequence);
      assert.ok(text.length <= valueBytesMax(valueBytes));
      if (value.text !== '') assert.equal(text.length, valueBytes);
      else assert.ok(text.length >= valueBytes);
    }),
  );
});

test('the same key always gives the same value', () => {
  assert.equal(
    valueText(80, { seed: 1, partition: 2, sequence: 3 }),
    '{"partition":2,"sequence":3,"text":"3z5yg0ypxxpf0qli3mrrywpppuvurskb1hllr2ll4g"}',
  );
});

test('seed, partition and sequence each change the text', () => {
  const texts = new Set<string>();
  const numbers = [0, 1, 2, 3, 1000, 2 ** 31];
  for (const seed of numbers) {
    for (const partition of numbers) {
      for (const sequence of [...numbers, 2 ** 33, 2 ** 34]) {
        texts.add((JSON.parse(valueText(120, { seed, partition, sequence })) as { text: string }).text);
      }
    }
  }

  assert.equal(texts.size, 6 * 6 * 8);
});
