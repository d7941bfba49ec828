import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorKind, SluiceError } from '../../../core/errors.ts';
import { decideRestart, NO_RESTART_YET, type RestartState } from '../../../core/runtime/restart.ts';

const failure = (kind: ErrorKind, { ranMs = 1_000, madeCheckpoint = false } = {}) => ({
  error: new SluiceError(kind, 'X', { message: 'x' }),
  ranMs,
  madeCheckpoint,
});
const unbounded = { attemptsMax: 10, bounded: false, random: 0.5 };
const bounded = { ...unbounded, bounded: true };

/** Restarts on the same failure until it gives up, or `max` times. */
function restartsOn(fails: ReturnType<typeof failure>, limits: typeof unbounded, max = 100): number {
  let state: RestartState = NO_RESTART_YET;
  for (let restarts = 0; restarts < max; restarts++) {
    const decision = decideRestart(state, fails, limits);
    if (decision.kind === 'giveUp') return restarts;
    state = decision.state;
  }
  return max;
}

test('configuration, fencing and data loss never restart', () => {
  for (const kind of ['config', 'fenced', 'dataLoss'] as const)
    assert.deepEqual(decideRestart(NO_RESTART_YET, failure(kind), unbounded), { kind: 'giveUp' });
});

test('what is only away is waited for, for ever in an unbounded run and ten times in a bounded one', () => {
  assert.equal(restartsOn(failure('unavailable'), unbounded), 100);
  assert.equal(restartsOn(failure('unavailable'), bounded), 10);
});

test('refusals and bugs get ten restarts without a new checkpoint', () => {
  assert.equal(restartsOn(failure('rejected'), unbounded), 10);
  assert.equal(restartsOn(failure('bug'), unbounded), 10);
  assert.equal(restartsOn(failure('bug'), { ...unbounded, attemptsMax: 0 }), 0);
  assert.equal(restartsOn(failure('bug', { madeCheckpoint: true }), unbounded), 100);
});

test('a long outage uses up no attempts of what comes after it', () => {
  let state: RestartState = NO_RESTART_YET;
  for (let outage = 0; outage < 50; outage++) {
    const decision = decideRestart(state, failure('unavailable'), unbounded);
    assert.equal(decision.kind, 'restart');
    state = decision.kind === 'restart' ? decision.state : state;
  }

  assert.equal(decideRestart(state, failure('rejected'), unbounded).kind, 'restart');
});

test('pauses grow by half from one second to one minute, give or take a quarter', () => {
  const pauses: number[] = [];
  let state: RestartState = NO_RESTART_YET;
  for (let restart = 0; restart < 14; restart++) {
    const decision = decideRestart(state, failure('unavailable'), unbounded);
    assert.ok(decision.kind === 'restart');
    pauses.push(Math.round(decision.pauseMs));
    state = decision.state;
  }

  assert.deepEqual(pauses.slice(0, 4), [1_000, 1_500, 2_250, 3_375]);
  assert.equal(pauses.at(-1), 60_000);
  const early = decideRestart(NO_RESTART_YET, failure('bug'), { ...unbounded, random: 0 });
  const late = decideRestart(NO_RESTART_YET, failure('bug'), { ...unbounded, random: 0.999_999 });
  assert.equal(early.kind === 'restart' && early.pauseMs, 750);
  assert.equal(late.kind === 'restart' && Math.round(late.pauseMs), 1_250);
});

test('after ten stable minutes the pause begins anew', () => {
  const grown: RestartState = { attempts: 3, pauseMs: 60_000 };

  const decision = decideRestart(grown, failure('bug', { ranMs: 600_000, madeCheckpoint: true }), unbounded);

  assert.equal(decision.kind === 'restart' && decision.pauseMs, 1_000);
});
