import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatTime, parseTimePattern } from '../../../../connectors/filesink/directories/time-pattern.ts';

const format = (pattern: string, iso: string) => formatTime(parseTimePattern(pattern), Date.parse(iso));

test('units are filled in with all their digits, other text stays', () => {
  assert.equal(format('yyyy-MM-dd', '2026-02-03T04:05:06Z'), '2026-02-03');
  assert.equal(format("yyyy'W'MM''dd'T''T'HH.mm", '2026-02-03T04:05:06Z'), "2026W02'03T'T04.05");
  assert.equal(format('yyyyMMddHHmm', '0099-12-31T23:59:59Z'), '009912312359');
  assert.equal(format('HH', '1969-12-31T23:59:59.999Z'), '23');
  assert.equal(format('yyyy:é', '2026-02-03T04:05:06Z'), '2026:é');
});

test('any moment has the digits that ISO 8601 gives it', () => {
  const pattern = parseTimePattern("yyyy-MM-dd'T'HH:mm");
  const date = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });
  fc.assert(
    fc.property(date, (moment) => {
      assert.equal(formatTime(pattern, moment.getTime()), moment.toISOString().slice(0, 16));
    }),
    { numRuns: 2000 },
  );
});

test('a pattern knows how long its text stays the same', () => {
  assert.equal(parseTimePattern('yyyy-MM').bucketMs, 86_400_000);
  assert.equal(parseTimePattern('HH').bucketMs, 3_600_000);
  assert.equal(parseTimePattern("HH 'mm'").bucketMs, 3_600_000);
  assert.equal(parseTimePattern('mm HH').bucketMs, 60_000);
});

test('what is not supported is refused, saying what is', () => {
  for (const pattern of ['YYYY', 'yy', 'M', 'DD', 'hh', 'yyyyy', 'ss', 'yyyy-T', 'MMM'])
    assert.throws(() => parseTimePattern(pattern), /is no unit of a time pattern; use yyyy, MM, dd, HH, mm/);
  assert.throws(() => parseTimePattern("'x'"), /has no unit of time/);
  assert.throws(() => parseTimePattern('-'), /has no unit of time/);
  assert.throws(() => parseTimePattern("yyyy'x"), /quote that is not closed/);
  assert.throws(() => parseTimePattern("yyyy'"), /quote that is not closed/);
  assert.throws(() => parseTimePattern("yyyy'/'MM"), /slash/);
});
