import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import {
  checkDirectorySettings,
  directorySettings,
  timeSettings,
} from '../../../../connectors/filesink/directories/time-settings.ts';

const settings = z.strictObject(directorySettings).superRefine(checkDirectorySettings);
const complaints = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

test('without settings, records are sorted by topic, and times are those of the records in UTC', () => {
  const { directory, time } = settings.parse({});

  assert.equal(directory.text, '{topic}');
  assert.equal(directory.needs.perBatch, true);
  assert.equal(time, undefined);
  assert.deepEqual(timeSettings.parse({}), {
    unit: 'ms',
    timezone: 'UTC',
    missing: 'default',
    notBefore: Date.UTC(1990, 0, 1),
  });
});

test('a field is a path', () => {
  assert.deepEqual(timeSettings.parse({ field: 'a.b' }).field, ['a', 'b']);
  for (const field of ['', '.', 'a..b', 'a.', '\ud800'])
    assert.deepEqual(complaints(timeSettings, { field }), [
      'field: expected names joined by dots, for example ts or event.time',
    ]);
});

test('a time zone that is not known is refused with the one that was meant', () => {
  assert.deepEqual(complaints(timeSettings, { timezone: 'Europe/Zurch' }), [
    'timezone: expected a time zone; did you mean Europe/Zurich?',
  ]);
  assert.deepEqual(complaints(timeSettings, { timezone: 'nowhere at all' }), [
    'timezone: expected a time zone such as Europe/Zurich',
  ]);
});

test('the limits of belief are dates or times, in order', () => {
  assert.equal(timeSettings.parse({ notAfter: '2030-01-01T00:00:00+01:00' }).notAfter, Date.UTC(2029, 11, 31, 23));
  const expected = 'expected a date or a time such as 2026-01-31 or 2026-01-31T12:00:00Z';
  for (const moment of ['tomorrow', '0000-01-01', '2026-02-30', ''])
    assert.deepEqual(complaints(timeSettings, { notBefore: moment }), [`notBefore: ${expected}`]);
  assert.deepEqual(complaints(timeSettings, { notAfter: '1990-01-01' }), ['notAfter: expected a time after notBefore']);
});

test('settings of time without a time in the directory are a mistake', () => {
  assert.deepEqual(complaints(settings, { time: {} }), ['time: directory has no {time:...} that this could be for']);
  assert.deepEqual(complaints(settings, { directory: '{time:yyyy}', time: {} }), []);
  assert.match(
    complaints(settings, { directory: 'a//b', time: {} }).join(),
    /^directory: a name between two slashes is empty$/,
  );
});
