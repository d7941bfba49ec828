import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeClock } from '../../../connectors/s3/clock.ts';

const levelsOf = (...ms: number[]) => ms.map((aheadMs) => judgeClock(aheadMs).level);

test('a minute of difference is good, more a warning, more than ten a problem, in both directions', () => {
  assert.deepEqual(levelsOf(0, 999, 60_000, -60_000), ['good', 'good', 'good', 'good']);
  assert.deepEqual(levelsOf(60_001, -60_001, 600_000, -600_000), ['warning', 'warning', 'warning', 'warning']);
  assert.deepEqual(levelsOf(600_001, -600_001), ['problem', 'problem']);
});

test('it says by how much and in which direction', () => {
  assert.equal(judgeClock(125_000).what, 'the clock of this machine is 125 s behind that of the store');
  assert.equal(judgeClock(-3_600_000).what, 'the clock of this machine is 60 min ahead of that of the store');
});
