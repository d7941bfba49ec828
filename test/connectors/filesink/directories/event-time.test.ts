import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { EventTime } from '../../../../connectors/filesink/directories/event-time.ts';
import { timeSettings } from '../../../../connectors/filesink/directories/time-settings.ts';
import { SluiceError } from '../../../../core/spi.ts';

const NOW_MS = Date.parse('2026-06-15T10:20:30Z');
const NOON_MS = Date.parse('2026-01-31T12:00:00Z');

function timeOf(settings: z.input<typeof timeSettings>, clock = { nowMs: () => NOW_MS }) {
  const time = new EventTime(timeSettings.parse(settings), clock);
  return (value: string | null, timestampMs = NOW_MS) => {
    const bytes = Buffer.from(value ?? '');
    const [valueStart, valueEnd] = value === null ? [-1, -1] : [0, bytes.length];
    return time.msOf({ topic: 'clicks', partition: 3, offset: 17, timestampMs, bytes, valueStart, valueEnd });
  };
}

test('without a field, the timestamp of the record is its time', () => {
  const msOf = timeOf({});

  assert.equal(msOf(null, NOON_MS), NOON_MS);
  assert.equal(msOf(null, -1), Number.NaN);
});

test('a number counts in the unit that the settings name', () => {
  assert.equal(timeOf({ field: 't' })(`{"t":${NOON_MS}}`), NOON_MS);
  assert.equal(timeOf({ field: 't', unit: 's' })(`{"t":${NOON_MS / 1000}}`), NOON_MS);
  assert.equal(timeOf({ field: 't', unit: 's' })(`{"t":${NOON_MS / 1000}.25}`), NOON_MS + 250);
  assert.equal(timeOf({ field: 't', unit: 'us' })(`{"t":${NOON_MS}000}`), NOON_MS);
  assert.equal(timeOf({ field: 't', unit: 'iso' })(`{"t":${NOON_MS}}`), Number.NaN);
  assert.equal(timeOf({ field: 'a.t' })(`{"t":1,"a":{"t":${NOON_MS}}}`), NOON_MS);
});

test('text is ISO 8601, or a number', () => {
  for (const unit of ['ms', 's', 'iso'] as const) {
    assert.equal(timeOf({ field: 't', unit })('{"t":"2026-01-31T13:00:00+01:00"}'), NOON_MS);
    assert.equal(timeOf({ field: 't', unit })('{"t":"2026-01-31\\u005413:00:00+01:00"}'), NOON_MS);
  }
  assert.equal(timeOf({ field: 't' })(`{"t":"${NOON_MS}"}`), NOON_MS);
  assert.equal(timeOf({ field: 't', unit: 's' })(`{"t":"${NOON_MS / 1000}"}`), NOON_MS);
  assert.equal(timeOf({ field: 't', unit: 'iso' })(`{"t":"${NOON_MS}"}`), Number.NaN);
  for (const text of ['', 'now', '0x10', '1 ', '\\ud800', 'Jan 1 2026'])
    assert.equal(timeOf({ field: 't' })(`{"t":"${text}"}`), Number.NaN);
});

test('a time beyond belief is none: milliseconds read as seconds, and the other way round', () => {
  const [start, end] = [Date.parse('1990-01-01T00:00:00Z'), NOW_MS + 365 * 86_400_000];
  const msOf = timeOf({});

  assert.equal(msOf(null, start), start);
  assert.equal(msOf(null, start - 1), Number.NaN);
  assert.equal(msOf(null, end), end);
  assert.equal(msOf(null, end + 1), Number.NaN);
  assert.equal(timeOf({ field: 't', unit: 's' })(`{"t":${NOON_MS}}`), Number.NaN);
  assert.equal(timeOf({ field: 't' })(`{"t":${NOON_MS / 1000}}`), Number.NaN);
  assert.equal(timeOf({ field: 't' })(`{"t":${NOON_MS}000}`), Number.NaN);
  assert.equal(timeOf({ field: 't' })('{"t":1e999}'), Number.NaN);
});

test('the settings say what is beyond belief', () => {
  const old = { notBefore: '1800-01-01', notAfter: '1900-01-01T00:00:00+01:00' };
  const [start, end] = [Date.parse('1800-01-01'), Date.parse('1899-12-31T23:00:00Z')];

  const read = [start - 1, start, end, end + 1].map((ms) => timeOf({ ...old, field: 't' })(`{"t":${ms}}`));
  assert.deepEqual(read, [Number.NaN, start, end, Number.NaN]);
  assert.equal(timeOf(old)(null, end), Number.NaN, 'a negative timestamp of a record is none');
  const later = timeOf({ notBefore: '2026-01-01', notAfter: '2026-02-01' });
  assert.equal(later(null, NOON_MS), NOON_MS);
  assert.equal(later(null, NOW_MS), Number.NaN);
});

test('how far ahead a time may be goes with the clock', () => {
  let nowMs = NOW_MS;
  const msOf = timeOf({}, { nowMs: () => nowMs });
  const ahead = NOW_MS + 366 * 86_400_000;

  assert.equal(msOf(null, ahead), Number.NaN);
  nowMs += 2 * 86_400_000;
  assert.equal(msOf(null, ahead), ahead);
});

test('a record without a time stops the pipeline where it has to, and says which one it is', () => {
  const isRejected = (what: RegExp) => (error: unknown) => {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.kind, 'rejected');
    assert.match(error.message, what);
    assert.deepEqual(error.details, { topic: 'clicks', partition: 3, offset: 17 });
    return true;
  };
  const msOf = timeOf({ field: 'a.t', missing: 'fail' });
  const wrong = [null, '', '{', '{}', '{"a":{"t":null}}', '{"a":{"t":"x"}}', '{"a":{"t":{}}}', '{"a":{"t":true}}'];
  for (const value of wrong)
    assert.throws(() => msOf(value), isRejected(/^clicks\/3: the record at offset 17 has no time in its field a\.t$/));
  assert.throws(() => timeOf({ missing: 'fail' })(null, -1), isRejected(/offset 17 has no timestamp/));

  assert.equal(msOf('{"a":{"t":1}}'), Number.NaN, 'one that is beyond belief is not missing');
});
