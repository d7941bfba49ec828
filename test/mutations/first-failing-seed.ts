import { drawPlan } from '../../testing/sim/plan.ts';
import { simulate } from '../../testing/sim/simulate.ts';

/** What `first-failing-seed.ts` prints as one line of JSON when a seed fails. */
export interface FailingSeed {
  readonly seed: number;
  readonly anomalies: readonly string[];
}

// FIRST COUNT: runs seeds one after the other until one fails. Prints nothing when none does.
const [first, count] = process.argv.slice(2).map(Number) as [number, number];
for (let seed = first; seed < first + count; seed++) {
  const { anomalies } = await simulate(drawPlan(seed));
  if (anomalies.length === 0) continue;
  const failing: FailingSeed = { seed, anomalies };
  console.log(JSON.stringify(failing));
  break;
}
