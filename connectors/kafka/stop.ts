import type { Split } from '../../core/spi.ts';
import type { Cluster } from './cluster.ts';
import { TIMESTAMP_LATEST } from './offset-requests.ts';
import type { StopSetting } from './settings.ts';
import { atTime, fromTime, offsetFor, toMs } from './start.ts';

/**
 * The first offset of each split that is not wanted any more, in the order given. `latest` is the last stable offset when
 * only committed records are read, so that a transaction somebody left open cannot keep the run from ending.
 */
export async function stopOffsets(
  splits: readonly Split[],
  stop: StopSetting,
  context: { cluster: Cluster; readCommitted: boolean; signal: AbortSignal | undefined },
): Promise<number[]> {
  if (stop === 'latest') return offsetsOf(atTime(splits, TIMESTAMP_LATEST, context));
  if ('timestamp' in stop) return offsetsOf(fromTime(splits, toMs(stop.timestamp), context));
  return splits.map((split) => offsetFor(split, stop.offsets, 'stop'));
}

async function offsetsOf(positions: Promise<readonly { offset: number }[]>): Promise<number[]> {
  return (await positions).map(({ offset }) => offset);
}
