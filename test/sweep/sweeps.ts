import assert from 'node:assert/strict';
import type { StrikeKind } from '../../testing/sim/calls.ts';
import { type Aftermath, runStruck, type Scenario } from './scenarios.ts';

/** Everything that can befall one port call. */
export const SWEEPS: readonly { name: string; kind: StrikeKind; aftermath?: Aftermath }[] = [
  { name: 'dies before', kind: 'crashBefore' },
  { name: 'dies right after', kind: 'crashAfter' },
  { name: 'loses power before', kind: 'crashBefore', aftermath: 'powerLoss' },
  { name: 'loses power right after', kind: 'crashAfter', aftermath: 'powerLoss' },
  { name: 'loses power right after, some of the unsynced surviving,', kind: 'crashAfter', aftermath: 'someLost' },
  { name: 'dies, and its visible files are taken away, before', kind: 'crashBefore', aftermath: 'loader' },
  { name: 'dies, and its visible files are taken away, right after', kind: 'crashAfter', aftermath: 'loader' },
  { name: 'gets an error from', kind: 'error' },
  { name: 'gets an error, although it took effect, from', kind: 'answerLost' },
  { name: 'is paused before and replaced at', kind: 'pauseBefore' },
  { name: 'is paused after and replaced at', kind: 'pauseAfter' },
];

/** Where a run writes to, and the calls that it makes when nothing happens. */
export interface SweptPlace {
  readonly place: Pick<Scenario, 'sink' | 'store' | 'staysOpen'>;
  readonly labels: readonly string[];
}

/** Strikes every call of an undisturbed run, one run each. */
export async function sweep(
  places: readonly SweptPlace[],
  {
    kind,
    aftermath = 'nothing',
    isStruck = () => true,
  }: { kind: StrikeKind; aftermath?: Aftermath; isStruck?: (label: string) => boolean },
): Promise<void> {
  const broken: string[] = [];
  for (const { place, labels } of places) {
    for (let at = 1; at <= labels.length && broken.length < 5; at++) {
      const label = labels[at - 1] as string;
      if (!isStruck(label)) continue;
      const { anomalies } = await runStruck({ ...place, strikes: [{ at, kind }], aftermath });
      if (anomalies.length > 0)
        broken.push(`${JSON.stringify(place)} call ${at} (${label}): ${anomalies.slice(0, 3).join('; ')}`);
    }
  }
  assert.deepEqual(broken, []);
}
