import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../core/config/units.ts';

test('durations are read to milliseconds', () => {
  assert.equal(parseDuration('500ms'), 500);
  assert.equal(parseDuration('1.5h'), 5_400_000);
  assert.equal(parseDuration('2 d'), 172_800_000);
});

test('sizes are read to bytes, binary and decimal', () => {
  assert.equal(parseSize('64KiB'), 65_536);
  assert.equal(parseSize('1MB'), 1_000_000);
  assert.equal(parseSize('0.5GiB'), 536_870_912);
});

test('what is not a number with a known unit is neither', () => {
  for (const text of [
    '',
    '5',
    '10 seconds',
    '-1s',
    '1e3s',
    's',
    '1 s s',
    '1__proto__',
    '1constructor',
    '9999999999d',
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
  for (const text of ['5', '1mib', '1 M', '99999999TiB']) assert.equal(parseSize(text), undefined, text);
});

test('what is written for people is read back as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (n) => {
      assert.equal(parseDuration(formatDuration(n)), n);
      assert.equal(parseSize(formatSize(n)), n);
    }),
  );
  assert.equal(formatDuration(90_000), '90s');
  assert.equal(formatDuration(0), '0ms');
  assert.equal(formatSize(128 * 1024 ** 2), '128MiB');
});
