import { drawPlan, type Plan } from './plan.ts';
import { type Report, simulate } from './simulate.ts';

/** Looks for less that still fails: fewer faults first, then a shorter time of trouble with fewer records. */
export async function shrink(seed: number, say: (line: string) => void): Promise<{ plan: Plan; report: Report }> {
  let plan = drawPlan(seed);
  let report = await simulate(plan);
  if (report.anomalies.length === 0) return { plan, report };
  const attempt = async (smaller: Plan, what: string): Promise<boolean> => {
    const tried = await simulate(smaller);
    const fails = tried.anomalies.length > 0;
    say(`${fails ? 'still fails' : 'passes'} ${what}`);
    if (fails) [plan, report] = [smaller, tried];
    return fails;
  };
  for (let removed = true; removed; ) {
    removed = false;
    for (const fault of plan.faults) {
      const faults = new Set(plan.faults);
      faults.delete(fault);
      removed = (await attempt({ ...plan, faults }, `without ${fault}`)) || removed;
    }
  }
  for (const share of [0.5, 0.7, 0.9]) {
    const troubleMs = Math.ceil(plan.troubleMs * share);
    await attempt({ ...plan, troubleMs }, `with ${troubleMs} ms of trouble`);
  }
  for (const partitions of [1, 2]) {
    if (partitions < plan.partitions && (await attempt({ ...plan, partitions }, `with ${partitions} partitions`)))
      break;
  }
  for (const recordsPerSecond of [5, 20]) {
    if (recordsPerSecond >= plan.recordsPerSecond) break;
    if (await attempt({ ...plan, recordsPerSecond }, `with ${recordsPerSecond} records per second`)) break;
  }
  return { plan, report };
}
