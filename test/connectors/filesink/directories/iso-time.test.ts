import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIsoTime } from '../../../../connectors/filesink/directories/iso-time.ts';

const parse = (text: string) => {
  const bytes = Buffer.from(`"${text}"`);
  return parseIsoTime(bytes, 1, bytes.length - 1);
};
const two = (max: number, min = 0) => fc.integer({ min, max }).map((n) => String(n).padStart(2, '0'));

test('RFC 3339 is read as Date.parse reads it, days that do not exist included', () => {
  const year = fc.oneof(fc.integer({ min: 0, max: 9999 }), fc.constantFrom(1900, 2000, 2023, 2024, 2100, 1970, 0));
  const date = fc
    .tuple(year, two(12, 1), two(28, 1))
    .map(([y, m, d]) => `${String(y).padStart(4, '0')}-${m}-${d}`)
    .filter((text) => !Number.isNaN(Date.parse(text)));
  const lastDays = year.chain((y) =>
    fc.integer({ min: 1, max: 12 }).map((m) => {
      const last = new Date(Date.UTC(2000, 0, 1));
      last.setUTCFullYear(y, m, 0);
      return last.toISOString().slice(0, 10);
    }),
  );
  const fraction = fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{1,9}$/));
  const offset = fc.oneof(
    fc.constant('Z'),
    fc.tuple(fc.constantFrom('+', '-'), two(23), two(59)).map(([s, h, m]) => `${s}${h}:${m}`),
  );
  const time = fc.tuple(two(23), two(59), two(59), fraction).map(([h, m, s, f]) => `${h}:${m}:${s}${f}`);

  fc.assert(
    fc.property(fc.oneof(date, lastDays), time, offset, (day, clock, zone) => {
      const text = `${day}T${clock}${zone}`;
      assert.equal(parse(text), Date.parse(text), text);
    }),
    { numRuns: 3000 },
  );
});

test('shorter and other usual spellings are read, in UTC unless they say otherwise', () => {
  const noon = Date.UTC(2026, 0, 31, 12);
  const spellings = ['T12:00', 'T12:00:00', ' 12:00:00', 't12:00:00z', 'T12:00:00,000Z', 'T13:00+01', 'T11:30-0030'];
  for (const text of spellings) assert.equal(parse(`2026-01-31${text}`), noon, text);
  assert.equal(parse('2026-01-31'), Date.UTC(2026, 0, 31));
});

test('a leap second counts as the second before it', () => {
  assert.equal(parse('2016-12-31T23:59:60Z'), Date.UTC(2016, 11, 31, 23, 59, 59));
  assert.equal(parse('2016-12-31T23:59:60.5Z'), Date.UTC(2016, 11, 31, 23, 59, 59, 500));
});

test('anything else is no time', () => {
  const wrong = [
    ...['', '2', '2026', '2026-01', '2026-1-31', '2026-02-29', '1900-02-29', '2026-04-31', '2026-00-01', '2026-13-01'],
    ...[
      '2026-01-00',
      '2026-01-32',
      '2026-01-31T',
      '2026-01-31T12',
      '2026-01-31T24:00Z',
      '2026-01-31T12:60Z',
      'x2026-01-31',
    ],
    ...[
      '2026-01-31T12:00:61Z',
      '2026-01-31T12:00:',
      '2026-01-31T12:00:0',
      '2026-01-31T12:00:00.',
      '2026-01-31T12:00:00.Z',
    ],
    ...[
      '2026-01-31T12:00Zx',
      '2026-01-31T12:00+',
      '2026-01-31T12:00+1',
      '2026-01-31T12:00+01:',
      '2026-01-31T12:00+01:0',
    ],
    ...[
      '2026-01-31T12:00+24:00',
      '2026-01-31T12:00+01:60',
      '2026-01-31T12:00+01:000',
      '2026-01-31T12:00+010',
      '+2026-01-31',
    ],
    ...['2026/01/31', '2026-01-31T12:00 Z', ' 2026-01-31', '2026-01-31 ', '20260131', 'Jan 1 2026', '2026-01-3１'],
  ];
  for (const text of wrong) assert.equal(parse(text), Number.NaN, text);
});

test('bytes behind the end do not count', () => {
  const bytes = Buffer.from('2026-01-31T12:00:00Z');
  for (const end of [0, 3, 4, 7, 9, 11, 13, 15, 17, 18])
    assert.equal(parseIsoTime(bytes, 0, end), Number.NaN, String(end));
  assert.equal(parseIsoTime(bytes, 0, 10), Date.UTC(2026, 0, 31));
  assert.equal(parseIsoTime(bytes, 0, 16), Date.UTC(2026, 0, 31, 12));
});
