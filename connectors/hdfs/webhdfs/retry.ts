import { unreachable } from '../../../core/spi.ts';
import type { HdfsReason } from './errors.ts';

/** Each round asks every NameNode once; only then comes a pause. */
const ROUNDS_MAX = 10;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** NameNodes that hang take long for a round. */
const ELAPSED_MAX_MS = 60_000;

export interface Failed {
  readonly reason: HdfsReason;
  /** How often it has been asked, from 1. */
  readonly attempt: number;
  readonly elapsedMs: number;
  readonly isIdempotent: boolean;
  readonly nameNodes: number;
  /** Uniform in [0, 1). */
  readonly random: number;
}

export type RetryPlan =
  | { kind: 'giveUp' }
  /** The same NameNode, which is active but cannot do it now. */
  | { kind: 'again'; pauseMs: number }
  /** The next NameNode. */
  | { kind: 'another'; pauseMs: number };

/** What to do after a call to a NameNode that did not succeed. */
export function planRetry(failed: Failed): RetryPlan {
  const { attempt, elapsedMs, nameNodes, random } = failed;
  if (!mayAskAgain(failed) || elapsedMs >= ELAPSED_MAX_MS) return { kind: 'giveUp' };
  const isActive = failed.reason === 'safeMode' || failed.reason === 'noDataNode';
  const rounds = isActive ? attempt : Math.floor(attempt / nameNodes);
  if (rounds >= ROUNDS_MAX) return { kind: 'giveUp' };
  if (isActive) return { kind: 'again', pauseMs: pauseMsOf(rounds, random) };
  return { kind: 'another', pauseMs: attempt % nameNodes === 0 ? pauseMsOf(rounds, random) : 0 };
}

/** Grows from round to round, and differs between two that failed together. */
function pauseMsOf(rounds: number, random: number): number {
  return Math.min(PAUSE_FIRST_MS * 2 ** (rounds - 1), PAUSE_MAX_MS) * (0.5 + random / 2);
}

function mayAskAgain({ reason, isIdempotent }: Failed): boolean {
  switch (reason) {
    case 'unreachable':
    case 'standby':
    case 'retriable':
    case 'safeMode':
    case 'noDataNode':
      return true;
    case 'unknown':
      return isIdempotent;
    case 'notFound':
    case 'exists':
    case 'notRenamed':
    case 'beingCreated':
    case 'notEmpty':
    case 'parentNotDirectory':
    case 'denied':
    case 'credentials':
    case 'quota':
    case 'badName':
    case 'refused':
      return false;
    default:
      return unreachable(reason);
  }
}
