import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Mutation, mutations } from './mutations.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const apply = fileURLToPath(new URL('./apply.ts', import.meta.url));

/** Runs the test that must notice, against the program with the fault; resolves with what it said. */
async function runAgainst(
  { name, caughtBy }: Mutation,
  signal: AbortSignal,
): Promise<{ passed: boolean; output: string }> {
  const pattern = caughtBy.test === undefined ? [] : ['--test-name-pattern', caughtBy.test];
  const child = spawn(
    process.execPath,
    ['--import', apply, '--test', '--test-force-exit', '--test-reporter=tap', ...pattern, caughtBy.file],
    // Without the variable by which a test runner tells its children to report to it.
    { cwd: root, env: { ...process.env, NODE_TEST_CONTEXT: undefined, SLUICE_MUTATION: name }, signal },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject));
  return { passed: code === 0, output };
}

for (const mutation of mutations) {
  test(`a test fails when ${mutation.what}`, { timeout: 120_000 }, async (t) => {
    const { passed, output } = await runAgainst(mutation, t.signal);

    assert.equal(passed, false, `${mutation.caughtBy.file} passes with ${mutation.name}`);
    // It must be a test that failed, and not the program that could not be loaded.
    assert.match(output, /^# Subtest: /m, output.slice(-2000));
    assert.doesNotMatch(output, /its place occurs|SyntaxError|ERR_MODULE/, output.slice(-2000));
    assert.match(output, /^not ok \d+ - (?!.*\.test\.ts)/m, output.slice(-2000));
  });
}

test('the table in test/README.md names every mutation and what catches it', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

  for (const { name, caughtBy } of mutations) {
    const row = readme.split('\n').find((line) => line.startsWith(`| ${name} |`));
    assert.ok(row?.includes(caughtBy.file.replace('test/', '')), `${name} with ${caughtBy.file}`);
  }
});
