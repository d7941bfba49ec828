import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runSeeds } from '../../testing/sim/farm.ts';
import { decodePlan, drawPlan, encodePlan } from '../../testing/sim/plan.ts';
import { type Report, simulate } from '../../testing/sim/simulate.ts';
import { MUST_BE_SEEN, Summary } from '../../testing/sim/summary.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const found = new URL('./found/', import.meta.url);
/** Enough for everything in MUST_BE_SEEN; `.ci/run` asks for more. */
const SEEDS = Number(process.env.SLUICE_SIM_SEEDS ?? 300);

for (const name of readdirSync(found)) {
  test(`what once went wrong stays right: ${name}`, async () => {
    const report = await simulate(decodePlan(readFileSync(new URL(name, found), 'utf8')));

    assert.deepEqual(report.anomalies, [], explain(report));
  });
}

test(`${SEEDS} seeds are exactly once, and the same when run again; all that a good run must have seen was seen`, async (t) => {
  const summary = new Summary(SEEDS);
  const failed: Report[] = [];

  await runSeeds({
    ...{ first: 1, seeds: SEEDS, workers: 2, twice: true, failuresMax: 3 },
    onReport: (report) => {
      summary.add(report);
      if (report.anomalies.length > 0) failed.push(report);
    },
  });

  assert.equal(failed.length, 0, failed.map(explain).join('\n\n'));
  assert.equal(summary.runs, SEEDS);
  for (const what of MUST_BE_SEEN) assert.ok((summary.sometimes.get(what) ?? 0) > 0, `never seen: ${what}`);
  for (const line of summary.lines().slice(-2)) t.diagnostic(line);
});

test('a run that goes wrong is told with its seed, settings, faults, last events and the line that replays it', async () => {
  const mutated = ['--import', './test/mutations/apply.ts', 'testing/sim/main.ts', '--seeds', '200', '--workers', '1'];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, SLUICE_MUTATION: 'forget-pending' };

  const told = await run(process.execPath, mutated, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 }).then(
    () => assert.fail('a pipeline that forgets what is pending passes'),
    ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
  );

  assert.equal(told.code, 1);
  const lines = told.stdout.split('\n');
  const at = lines.findIndex((line) => /^seed \d+: sink=.* partitions=\d+ .*faults=/.test(line));
  assert.ok(at >= 0, told.stdout.slice(0, 500));
  const seed = /^seed (\d+)/.exec(lines[at] as string)?.[1];
  assert.equal(
    lines.slice(at + 1).findIndex((line) => !line.startsWith('  ')),
    50,
  );
  assert.match(told.stdout, /^WRONG lost: \d+/m);
  assert.match(told.stdout, new RegExp(`^replay: npm run sim -- --seed ${seed} --trace$`, 'm'));
});

test('a plan means the same when it comes back from a file', () => {
  for (let seed = 1; seed <= 50; seed++) assert.deepEqual(decodePlan(encodePlan(drawPlan(seed))), drawPlan(seed));
});

function explain({ plan, anomalies, last, seed }: Report): string {
  return [plan, ...anomalies, ...last.slice(-20), `npm run sim -- --seed ${seed} --trace`].join('\n');
}
