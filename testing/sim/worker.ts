import type { Chunk } from './farm.ts';
import { drawPlan } from './plan.ts';
import { type Report, simulate } from './simulate.ts';

/** Runs the seeds that its parent sends, until the parent has no more or is gone. */
process.on('message', async ({ first, count, twice }: Chunk) => {
  for (let seed = first; seed < first + count; seed++)
    send(twice ? await runTwice(seed) : await simulate(drawPlan(seed)));
  send('done');
});
process.on('disconnect', () => process.exit());

async function runTwice(seed: number): Promise<Report> {
  const first = await simulate(drawPlan(seed));
  const second = await simulate(drawPlan(seed));
  if (first.hash === second.hash) return first;
  const difference = `not deterministic: ${first.hash} after ${first.steps} steps, then ${second.hash} after ${second.steps}`;
  return { ...first, anomalies: [...first.anomalies, difference] };
}

function send(message: Report | 'done'): void {
  process.send?.(message);
}
