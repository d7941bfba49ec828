import { type Plan, ROOMY } from './plan.ts';
import { simulate } from './simulate.ts';

/** Looks for less that still fails: fewer faults first, then a shorter time of trouble with fewer records. */
export async function shrink(drawn: Plan, say: (line: string) => void): Promise<Plan> {
  let plan = drawn;
  const attempt = async (smaller: Plan, what: string): Promise<boolean> => {
    const fails = (await simulate(smaller)).anomalies.length > 0;
    say(`${fails ? 'still fails' : 'passes'} ${what}`);
    if (fails) plan = smaller;
    return fails;
  };
  if (!(await attempt(plan, 'as it is'))) return plan;
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
  if (plan.rangeBytes < ROOMY.rangeBytes)
    await attempt({ ...plan, ...ROOMY }, 'with a sink that takes all it is given');
  return plan;
}
