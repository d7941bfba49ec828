import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDate, formatTimestamp, parseDate, parseTimestamp } from '../../../connectors/formats/calendar.ts';

test('times of the years 0 to 9999 are read and written as Date does', () => {
  const min = Date.UTC(0) - 1900 * 366 * 86_400_000;
  const time = fc.integer({ min: Math.max(min, -62_167_219_200_000), max: 253_402_300_799_999 });

  fc.assert(
    fc.property(time, (ms) => {
      const text = new Date(ms).toISOString();
      assert.equal(formatTimestamp(ms, 'ms'), text);
      assert.equal(parseTimestamp(text, 'ms'), ms);
      assert.equal(parseDate(text.slice(0, 10)), Math.floor(ms / 86_400_000));
      assert.equal(formatDate(Math.floor(ms / 86_400_000)), text.slice(0, 10));
    }),
  );
});

test('what is written of any time or day is read again, with a sign and more digits where a year has more than four', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.constantFrom('ms' as const, 'us' as const), (time, unit) => {
      assert.equal(parseTimestamp(formatTimestamp(time, unit), unit), time);
    }),
  );
  fc.assert(fc.property(fc.integer(), (days) => assert.equal(parseDate(formatDate(days)), days)));
  assert.equal(parseDate('+010000-01-01'), 2_932_897);
});

test('a zone is taken off, and digits finer than the unit are cut off', () => {
  assert.equal(parseTimestamp('1970-01-01T02:00:00+02:00', 'ms'), 0);
  assert.equal(parseTimestamp('1970-01-01 02:00+02', 'ms'), 0);
  assert.equal(parseTimestamp('1969-12-31T23:30:00-0030', 'us'), 0);
  assert.equal(parseTimestamp('1970-01-01T00:00:01.1234567Z', 'ms'), 1123);
  assert.equal(parseTimestamp('1970-01-01T00:00:01.1234567Z', 'us'), 1_123_456);
  assert.equal(formatTimestamp(-1, 'us'), '1969-12-31T23:59:59.999999Z');
});

test('what is no time, or is in no known zone, is not guessed', () => {
  for (const text of [
    '',
    '2024-02-29',
    '2024-02-29T12:00:00',
    '2023-02-29T12:00:00Z',
    '1900-02-29T12:00:00Z',
    '2024-13-01T12:00:00Z',
    '2024-00-01T12:00:00Z',
    '2024-04-31T12:00:00Z',
    '2024-02-29T24:00:00Z',
    '2024-02-29T12:60:00Z',
    '2024-02-29T12:00:60Z',
    '2024-02-29T12:00:00.Z',
    '2024-02-29T12:00:00Z ',
    '2024-02-29T12:00:00+2',
    '2024-02-29T12:00:00+02:0',
    '2024/02/29T12:00:00Z',
    '2024-02-29X12:00:00Z',
    'not a time at all, but long',
  ])
    assert.equal(parseTimestamp(text, 'ms'), undefined, text);
  for (const text of [
    '',
    '+',
    '+2024-02-29',
    '-02024-02-29',
    '+0102024-02-2',
    '2024-2-29',
    '2023-02-29',
    '2024-02-29T',
    '2024-02-2x',
  ])
    assert.equal(parseDate(text), undefined, text);
});
