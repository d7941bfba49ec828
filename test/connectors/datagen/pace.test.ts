import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../../connectors/datagen/pace.ts';

/** Polls as the reader does, and says how many records came out by `untilMs`. */
function run(ratePerSecond: number, untilMs: number): { records: number; polls: number } {
  const pace = new Pace({ ratePerSecond, nowMs: 0 });
  let records = 0;
  let polls = 0;
  for (let nowMs = 0; nowMs <= untilMs; polls++) {
    const due = pace.due(nowMs);
    pace.paid(due);
    records += due;
    nowMs += due > 0 ? 0.1 : Math.min(500, pace.waitMs(nowMs));
  }
  return { records, polls };
}

test('a rate is kept without drift, slow or fast', () => {
  for (const rate of [0.5, 1, 3, 10, 1000, 33_333, 1_000_000]) {
    const { records } = run(rate, 10_000);
    assert.ok(Math.abs(records - rate * 10) <= Math.max(1, rate * 0.03), `${records} in 10 s at ${rate} per second`);
  }
});

test('waiting takes few polls', () => {
  assert.ok(run(1, 60_000).polls < 300);
  assert.ok(run(1_000_000, 1_000).polls < 300);
});

test('after a pause at most one second’s worth is owed', () => {
  const pace = new Pace({ ratePerSecond: 100, nowMs: 0 });

  const due = pace.due(3_600_000);

  assert.ok(due === 100);
});

test('no record is due before its time', () => {
  const pace = new Pace({ ratePerSecond: 2, nowMs: 1_000 });

  assert.equal(pace.due(1_000), 0);
  assert.equal(pace.due(1_499), 0);
  assert.equal(pace.due(1_500), 1);
});
