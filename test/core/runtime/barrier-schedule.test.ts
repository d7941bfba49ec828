import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { barrierDelayMs } from '../../../core/runtime/barrier-schedule.ts';

const settings = { intervalMs: 10_000, minPauseMs: 0 };

test('the first barrier comes 200 ms after the first record', () => {
  assert.equal(barrierDelayMs({ ...settings, nowMs: 5_000, lastCutAtMs: undefined, lastDoneAtMs: undefined }), 200);
});

test('while records flow there is one barrier per interval, counted from cut to cut', () => {
  assert.equal(barrierDelayMs({ ...settings, nowMs: 5_000, lastCutAtMs: 1_000, lastDoneAtMs: 4_000 }), 6_000);
});

test('the first record after a quiet time is cut soon, not after an interval', () => {
  assert.equal(barrierDelayMs({ ...settings, nowMs: 60_000, lastCutAtMs: 1_000, lastDoneAtMs: 4_000 }), 200);
});

test('an interval below 200 ms is kept from the first barrier on', () => {
  const short = { intervalMs: 50, minPauseMs: 0 };
  assert.equal(barrierDelayMs({ ...short, nowMs: 0, lastCutAtMs: undefined, lastDoneAtMs: undefined }), 50);
  assert.equal(barrierDelayMs({ ...short, nowMs: 900, lastCutAtMs: 100, lastDoneAtMs: 100 }), 50);
});

test('the least pause counts from the end of the last checkpoint', () => {
  const paused = { intervalMs: 1_000, minPauseMs: 5_000 };
  assert.equal(barrierDelayMs({ ...paused, nowMs: 4_500, lastCutAtMs: 1_000, lastDoneAtMs: 4_000 }), 4_500);
});

test('property: a barrier never waits longer than interval and pause, and never less than nothing', () => {
  const ms = fc.nat({ max: 100_000 });
  fc.assert(
    fc.property(ms, ms, ms, ms, ms, (cut, took, since, intervalMs, minPauseMs) => {
      const lastDoneAtMs = cut + took;
      const nowMs = lastDoneAtMs + since;
      const delay = barrierDelayMs({ nowMs, lastCutAtMs: cut, lastDoneAtMs, intervalMs, minPauseMs });
      assert.ok(delay >= 0);
      assert.ok(delay <= Math.max(intervalMs, minPauseMs));
      assert.ok(nowMs + delay >= lastDoneAtMs + minPauseMs);
    }),
  );
});
