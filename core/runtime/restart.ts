import type { SluiceError } from '../errors.ts';

const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 60_000;
const PAUSE_GROWTH = 1.5;
const STABLE_MS = 600_000;

/** What happened since the last restart. */
export interface Failure {
  readonly error: SluiceError;
  readonly ranMs: number;
  /** The incarnation made a slot that moved a position. */
  readonly madeCheckpoint: boolean;
}

export interface RestartState {
  /** Restarts in a row without a new checkpoint, those not counted that waited for what was away. */
  readonly attempts: number;
  readonly pauseMs: number;
}

export type RestartDecision = { kind: 'giveUp' } | { kind: 'restart'; pauseMs: number; state: RestartState };

export const NO_RESTART_YET: RestartState = { attempts: 0, pauseMs: PAUSE_FIRST_MS };

/**
 * Restart or end? `config`, `fenced` and `dataLoss` never restart. What is only away is waited for, for ever in an unbounded
 * run. Anything else gets `attemptsMax` restarts without a new checkpoint. `random` is uniform in [0, 1).
 */
export function decideRestart(
  before: RestartState,
  failure: Failure,
  { attemptsMax, bounded, random }: { attemptsMax: number; bounded: boolean; random: number },
): RestartDecision {
  const { kind } = failure.error;
  if (kind === 'config' || kind === 'fenced' || kind === 'dataLoss') return { kind: 'giveUp' };
  // Waiting for what is away uses up no attempt: a long outage must not make the first other failure the last.
  const waitsForEver = kind === 'unavailable' && !bounded;
  const attempts = (failure.madeCheckpoint ? 0 : before.attempts) + (waitsForEver ? 0 : 1);
  if (attempts > attemptsMax && !waitsForEver) return { kind: 'giveUp' };
  const pauseMs = failure.ranMs >= STABLE_MS ? PAUSE_FIRST_MS : before.pauseMs;
  const state = { attempts, pauseMs: Math.min(pauseMs * PAUSE_GROWTH, PAUSE_MAX_MS) };
  return { kind: 'restart', pauseMs: pauseMs * (0.75 + random / 2), state };
}
