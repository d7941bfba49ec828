import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Mutation, Simulated, Tested } from './mutation.ts';
import { mutations } from './mutations.ts';
import { firstFailingSeed, runMutated } from './run-mutated.ts';

/** A simulated run that ended so has met the fault as a failure of the program to run at all. */
const NO_ANOMALY = /^the run itself failed/;

async function simulatorNotices({ name }: Mutation, { seedFirst, seedsMax }: Simulated, signal: AbortSignal) {
  const failing = await firstFailingSeed(name, { first: seedFirst, count: seedsMax, signal });
  assert.ok(failing, `seeds ${seedFirst} to ${seedFirst + seedsMax - 1} pass with ${name}`);
  assert.ok(
    failing.anomalies.some((anomaly) => !NO_ANOMALY.test(anomaly)),
    failing.anomalies[0],
  );
}

async function testNotices({ name }: Mutation, { file, test }: Tested, signal: AbortSignal) {
  const pattern = test === undefined ? [] : ['--test-name-pattern', test];
  const options = ['--test', '--test-force-exit', '--test-reporter=tap', ...pattern, file];
  const { code, output } = await runMutated(name, options, signal);

  assert.notEqual(code, 0, `${file} passes with ${name}`);
  // It must be a test that failed, and not the program that could not be loaded.
  assert.match(output, /^# Subtest: /m, output.slice(-2000));
  assert.doesNotMatch(output, /its place occurs|SyntaxError|ERR_MODULE/, output.slice(-2000));
  assert.match(output, /^not ok \d+ - (?!.*\.test\.ts)/m, output.slice(-2000));
}

for (const mutation of mutations) {
  const { what, caughtBy } = mutation;
  const catcher = caughtBy.by === 'simulator' ? 'the simulator' : 'a test';
  test(`${catcher} notices that ${what}`, { timeout: 120_000 }, async (t) => {
    if (caughtBy.by === 'simulator') await simulatorNotices(mutation, caughtBy, t.signal);
    else await testNotices(mutation, caughtBy, t.signal);
  });
}

test('the table in test/README.md names every mutation, what catches it and the seeds it took', () => {
  const rows = readFileSync(new URL('../README.md', import.meta.url), 'utf8').split('\n');

  for (const mutation of mutations) assert.ok(rows.includes(rowOf(mutation)), `not in the table:\n${rowOf(mutation)}`);
});

function rowOf({ name, what, caughtBy }: Mutation): string {
  const by = caughtBy.by === 'simulator' ? `simulator: ${seeds(caughtBy.took)}` : testOf(caughtBy);
  return `| ${name} | ${what} | ${by} |`;
}

function testOf({ file, test }: Tested): string {
  const begins = test?.replace('output is exactly once when the process ', '');
  return `${file.replace('test/', '')}${begins === undefined ? '' : `: ${begins}`}`;
}

function seeds(count: number): string {
  return count === 1 ? '1 seed' : `${count} seeds`;
}
