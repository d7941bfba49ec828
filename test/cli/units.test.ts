import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elapsed, grouped, short, sizeText } from '../../cli/units.ts';

test('rates keep three digits that count', () => {
  assert.deepEqual([0, 7.4, 999, 999.6, 1234, 12_345, 999_499, 999_600, 1_234_567, 5e15].map(short), [
    '0',
    '7',
    '999',
    '1.00 k',
    '1.23 k',
    '12.3 k',
    '999 k',
    '1.00 M',
    '1.23 M',
    '5000 T',
  ]);
});

test('counts keep every digit', () => {
  assert.equal(grouped(12_345_678), '12,345,678');
});

test('times are told in the units a person would use', () => {
  assert.deepEqual([0, 840, 9_999, 59_999, 125_000, 12_000_000].map(elapsed), [
    '0.0 s',
    '0.8 s',
    '10.0 s',
    '59 s',
    '2 min 5 s',
    '3 h 20 min',
  ]);
});

test('sizes have their unit behind a space', () => {
  assert.deepEqual([0, 734, 1234, 8_388_608].map(sizeText), ['0 B', '734 B', '1.23 kB', '8.39 MB']);
});
