import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Ended, folderWith, sluice } from './sluice.ts';

const bounded = (count: number) => `name: made
source: { type: datagen, count: ${count}, partitions: 2 }
sink: { type: file, path: ./out }
`;

const UNBOUNDED = `name: made
source: { type: datagen, rate: 1000 }
sink: { type: file, path: ./out }
checkpoints: { interval: 200ms }
`;

function recordsIn(folder: string): number {
  const files = readdirSync(join(folder, 'out/datagen'));
  return files.reduce(
    (sum, file) => sum + readFileSync(join(folder, 'out/datagen', file), 'utf8').split('\n').length - 1,
    0,
  );
}

function lastEntry({ stderr }: Ended): Record<string, unknown> {
  const lines = stderr.trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return entries.at(-1) as Record<string, unknown>;
}

test('a bounded run ends by itself with exit 0; its paths start at the folder of the file', async (t) => {
  const folder = folderWith(t, { 'p.yaml': bounded(1000) });

  const ended = await sluice(t, '/', ['run', join(folder, 'p.yaml')]).ended;

  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(recordsIn(folder), 1000);
  const { level, pipeline, records, message } = lastEntry(ended);
  assert.deepEqual({ level, pipeline, records }, { level: 'info', pipeline: 'made', records: 1000 });
  assert.match(String(message), /^finished: 1,000 records in \d+ files? in /);
});

test('a run with nothing left to do does nothing and exits 0', async (t) => {
  const folder = folderWith(t, { 'p.yaml': bounded(100) });
  await sluice(t, folder, ['run', 'p.yaml']).ended;

  const ended = await sluice(t, folder, ['run', 'p.yaml']).ended;

  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(lastEntry(ended).records, 0);
  assert.equal(recordsIn(folder), 100);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops a run after a last checkpoint with exit 0`, async (t) => {
    const folder = folderWith(t, { 'p.yaml': UNBOUNDED });
    const run = sluice(t, folder, ['run', 'p.yaml', '--log-format', 'pretty']);
    await run.says(/owns the pipeline/);

    run.kill(signal);

    const { code, stderr } = await run.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /info {2}stopping: .*\n.*info {2}stopped: [\d,]+ records in \d+ files? in /);
  });
}

test('an instance that another one takes over from exits 3 and says who it is', async (t) => {
  const folder = folderWith(t, { 'p.yaml': UNBOUNDED });
  const first = sluice(t, folder, ['run', 'p.yaml', '--log-format', 'pretty']);
  await first.says(/owns the pipeline/);
  const second = sluice(t, folder, ['run', 'p.yaml']);
  t.after(() => second.kill('SIGKILL'));

  const { code, stderr } = await first.ended;

  assert.equal(code, 3, stderr);
  assert.match(stderr, new RegExp(`taken over by .*pid ${second.pid}.*\\n {2}.*\\n\\[FENCED\\]\\n$`));
  assert.doesNotMatch(stderr, /^ +at /m);
});

test('a failed run in a log is one entry with kind, code, help and exit code', async (t) => {
  const folder = folderWith(t, { 'p.yaml': bounded(10), out: 'a file where the output folder belongs' });

  const ended = await sluice(t, folder, ['run', 'p.yaml']).ended;

  assert.equal(ended.code, 2, ended.stderr);
  const { level, kind, exitCode, code, message } = lastEntry(ended);
  assert.deepEqual({ level, kind, exitCode }, { level: 'error', kind: 'config', exitCode: 2 });
  assert.match(String(code), /^[A-Z_]+$/);
  assert.ok(String(message).includes(folder), String(message));
});

test('what is wrong with the file is told in plain text, whatever the log format', async (t) => {
  const folder = folderWith(t, { 'p.yaml': bounded(10).replace('count', 'cuont') });

  const { code, stderr } = await sluice(t, folder, ['run', 'p.yaml']).ended;

  assert.equal(code, 2);
  assert.equal(stderr, 'p.yaml:2:26: source.cuont: unknown key; did you mean count?\n[CONFIG_INVALID]\n');
});

test('the checkpoints of a run can be listed and shown, before and after', async (t) => {
  const folder = folderWith(t, { 'p.yaml': bounded(10) });
  const said = async (t: TestContext, ...args: string[]) => await sluice(t, folder, ['checkpoints', ...args]).ended;

  const before = await said(t, 'list', 'p.yaml');
  assert.equal(before.code, 2);
  assert.match(before.stderr, /^there are no checkpoints of made in file:.*\n.*\n\[NO_CHECKPOINTS\]\n$/);

  await sluice(t, folder, ['run', 'p.yaml']).ended;

  const { stdout } = await said(t, 'list', 'p.yaml');
  const [head, ...rows] = stdout.trimEnd().split('\n');
  assert.match(head as string, /^slot +kind +epoch +made at +by +splits +records +pending +open$/);
  assert.match(rows[0] as string, /^ +1 +claim +1 /);
  assert.match(rows.at(-1) as string, / final .* 10 +0 +0$/);
  const newest = JSON.parse((await said(t, 'show', 'p.yaml')).stdout);
  assert.equal(newest.kind, 'final');
  assert.equal(JSON.parse((await said(t, 'show', 'p.yaml', '1')).stdout).kind, 'claim');
  assert.match((await said(t, 'resolve', 'p.yaml', '--accept-lost', '--reason', 'x')).stdout, /nothing is pending/);
  assert.equal(JSON.parse((await said(t, 'show', 'p.yaml')).stdout).seq, newest.seq);
});
