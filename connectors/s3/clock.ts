import type { Finding } from '../../core/spi.ts';

const WARNING_MS = 60_000;
/** A store refuses requests that are 15 minutes off. */
const PROBLEM_MS = 600_000;

/** What the clock of this machine is worth, by that of the store; `aheadMs` is how much the store's is ahead. */
export function judgeClock(aheadMs: number): Finding {
  const offMs = Math.abs(aheadMs);
  // Dates come in whole seconds, so less than two say nothing.
  if (offMs <= WARNING_MS) return { level: 'good', what: 'the clocks of store and machine agree' };
  return {
    level: offMs > PROBLEM_MS ? 'problem' : 'warning',
    what: `the clock of this machine is ${amount(offMs)} ${aheadMs > 0 ? 'behind' : 'ahead of'} that of the store`,
    help: 'Let NTP set it: a store refuses requests that seem 15 minutes old or from the future.',
  };
}

function amount(ms: number): string {
  if (ms < PROBLEM_MS) return `${Math.round(ms / 1_000)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 600 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
