import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runSeeds } from './farm.ts';
import { decodePlan, drawPlan, encodePlan, type Plan } from './plan.ts';
import { shrink } from './shrink.ts';
import { type Report, simulate } from './simulate.ts';
import { Summary } from './summary.ts';

const USAGE = `npm run sim -- [--seeds 1000] [--first 1] [--workers 2] [--twice] [--failures 1]
npm run sim -- --seed 4711 [--trace] [--shrink]
npm run sim -- --plan test/sim/found/some.json [--trace] [--shrink]

Runs the whole engine on a virtual clock, one run per seed, and looks for anything but exactly once.
  --seed      one run, and everything about it; --trace prints every event, --shrink looks for less that still fails
  --plan      the same for a plan that was kept
  --twice     runs every seed twice and compares: a run must depend on nothing but its seed
  --failures  ends once so many seeds have failed`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    failures: { type: 'string', default: '1' },
    seed: { type: 'string' },
    plan: { type: 'string' },
    twice: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else if (values.plan !== undefined) await runOne(decodePlan(readFileSync(values.plan, 'utf8')));
else if (values.seed !== undefined) await runOne(drawPlan(Number(values.seed)));
else await runMany();

async function runOne(drawn: Plan): Promise<void> {
  const plan = values.shrink ? await shrink(drawn, (line) => console.log(line)) : drawn;
  const report = await simulate(plan, { keepTrace: values.trace });
  print(report);
  if (values.shrink) console.log(`as a file: ${encodePlan(plan)}`);
  console.log(
    `${report.steps} events in ${(report.virtualMs / 1000).toFixed(1)} virtual seconds, trace ${report.hash}`,
  );
  if (report.anomalies.length > 0) process.exitCode = 1;
}

async function runMany(): Promise<void> {
  const summary = new Summary(Number(values.seeds));
  const tell = () => console.log(summary.lines().join('\n'));
  // Whoever interrupts a long run wants to know how far it came.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      tell();
      process.exit(130);
    });
  await runSeeds({
    first: Number(values.first),
    seeds: Number(values.seeds),
    workers: Number(values.workers),
    twice: values.twice,
    failuresMax: Number(values.failures),
    onReport: (report) => {
      summary.add(report);
      if (report.anomalies.length > 0) print(report);
      summary.progress();
    },
  });
  tell();
  if (summary.failed > 0) process.exitCode = 1;
}

function print({ seed, plan, anomalies, last }: Report): void {
  console.log(plan);
  if (anomalies.length > 0 || values.trace) console.log(last.map((line) => `  ${line}`).join('\n'));
  for (const anomaly of anomalies) console.log(`WRONG ${anomaly}`);
  if (anomalies.length > 0) console.log(`replay: npm run sim -- --seed ${seed} --trace`);
}
