import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDecimal, parseDecimal, parseInt64 } from '../../../connectors/formats/numbers.ts';

test('any decimal is read back from its text', () => {
  const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.nat(38));

  fc.assert(
    fc.property(decimal, ([unscaled, scale]) => {
      assert.equal(parseDecimal(formatDecimal(unscaled, scale), 38, scale), unscaled);
    }),
  );
});

test('any 64 bit number is read from its text, and nothing outside of them', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      assert.equal(BigInt(parseInt64(String(value)) ?? 0), value);
    }),
  );
  assert.equal(parseInt64('9007199254740991'), Number.MAX_SAFE_INTEGER);
  assert.equal(parseInt64('9007199254740993'), 9007199254740993n);
  assert.equal(parseInt64('9223372036854775808'), undefined);
  assert.equal(parseInt64('-9223372036854775809'), undefined);
});

test('a decimal fits exactly or not at all', () => {
  assert.equal(parseDecimal('12.5', 9, 2), 1250n);
  assert.equal(parseDecimal('-0.500', 9, 1), -5n);
  assert.equal(parseDecimal('1.5e3', 9, 0), 1500n);
  assert.equal(parseDecimal('1500e-3', 9, 1), 15n);
  assert.equal(parseDecimal('0e9999', 9, 2), 0n);
  assert.equal(parseDecimal('0.05', 9, 1), undefined);
  assert.equal(parseDecimal('1e9', 9, 0), undefined);
  assert.equal(parseDecimal('1e9999', 9, 0), undefined);
  assert.equal(parseDecimal('1e-9999', 9, 0), undefined);
  for (const text of ['', ' 1', '1 ', '1.', '.5', '0x1', 'NaN', '1_000', '--1'])
    assert.equal(parseDecimal(text, 9, 2), undefined, text);
});
