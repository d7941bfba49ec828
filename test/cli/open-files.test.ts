import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { waitFor } from '../services/wait.ts';
import { folderWith, sluice } from './sluice.ts';

const PIPELINE = `name: made
source: { type: datagen, rate: 2000, partitions: 2 }
sink: { type: file, path: ./out, directory: "{topic}/p={partition}", roll: { onCheckpoint: false } }
checkpoints: { interval: 100ms }
`;

interface Shown {
  readonly seq: number;
  readonly kind: string;
  readonly pending: unknown[];
  readonly source: { readonly splits: { readonly id: string; readonly position: { readonly offset: number } }[] };
  readonly sinks: { readonly main: { readonly state: { readonly value: { readonly place: { staged: string } } }[] } };
  readonly resolution?: { readonly choice: string; readonly handles: string[] };
}

/** A pipeline that was killed with a file open per partition; nothing of it is visible. */
async function killed(t: TestContext) {
  const folder = folderWith(t, { 'p.yaml': PIPELINE });
  const said = async (...args: string[]) => await sluice(t, folder, args).ended;
  const slot = async () => JSON.parse((await said('checkpoints', 'show', 'p.yaml')).stdout) as Shown;
  const run = sluice(t, folder, ['run', 'p.yaml']);
  await run.says(/owns the pipeline/);
  const slots = join(folder, 'out/_sluice/made/000001/0000');
  await waitFor(() => readdirSync(slots).some((name) => name > '000000000004'), { what: 'some checkpoints' });
  run.kill('SIGKILL');
  await run.ended;
  return { folder, said, slot };
}

/** The sequence numbers in the files of a partition, in order. */
function sequencesIn(folder: string, partition: number): number[] {
  const below = join(folder, 'out/datagen', `p=${partition}`);
  const texts = readdirSync(below).map((name) => readFileSync(join(below, name), 'utf8').trimEnd());
  const lines = texts.flatMap((text) => text.split('\n'));
  return lines.map((line) => (JSON.parse(line) as { sequence: number }).sequence).sort((a, b) => a - b);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const offsetsOf = ({ source }: Shown) => source.splits.map(({ position }) => position.offset);

test('the files that a killed run had open are counted and shown, and are no orphans', async (t) => {
  const { folder, said, slot } = await killed(t);

  const listed = (await said('checkpoints', 'list', 'p.yaml')).stdout.trimEnd().split('\n');
  assert.match(listed.at(-1) ?? '', / checkpoint .* 0 +2$/);
  const { sinks } = await slot();
  const staged = sinks.main.state.map(({ value }) => value.place.staged).sort();
  assert.deepEqual(
    readdirSync(join(folder, 'out/.staging'))
      .map((name) => join(folder, 'out/.staging', name))
      .sort(),
    staged,
  );

  const { stdout, stderr } = await said('orphans', 'list', 'p.yaml');

  assert.equal(stderr, '');
  assert.match(stdout, /^no orphans: .*\n2 more are staged and kept: named by a checkpoint/);
});

test('an open file that is lost is exit 4; resolve gives it up, and the next run finishes the others', async (t) => {
  const { folder, said, slot } = await killed(t);
  const before = await slot();
  const [gone, kept] = before.sinks.main.state.map(({ value }) => value.place.staged) as [string, string];
  const goneFrom = Number(/p=(\d)/.exec(JSON.stringify(before.sinks.main.state[0]))?.[1]);
  rmSync(gone);

  const { code, stderr } = await said('run', 'p.yaml');
  assert.equal(code, 4, stderr);
  assert.match(stderr, /OPEN_PARTS_LOST/);
  const replay = await said('checkpoints', 'resolve', 'p.yaml', '--replay', '--reason', 'disk');
  assert.equal(replay.code, 2);
  assert.match(replay.stderr, /\[REPLAY_WOULD_REPEAT\]/);
  const { stdout } = await said('checkpoints', 'resolve', 'p.yaml', '--accept-lost', '--reason', 'disk');

  assert.ok(stdout.includes(`(open: ${gone}: it is gone, or empty)`), stdout);
  assert.match(stdout, /: 0 committed, 1 lost\n {2}given up: datagen\/\d offsets 0 to \d+ .*\n {2}still open: 1 file,/);
  const { kind, resolution, sinks } = await slot();
  assert.deepEqual([kind, resolution?.choice, resolution?.handles], ['final', 'acceptLost', [`open ${gone}`]]);
  assert.deepEqual(
    sinks.main.state.map(({ value }) => value.place.staged),
    [kept],
  );
  const next = sluice(t, folder, ['run', 'p.yaml']);
  await next.says(/owns the pipeline/);
  next.kill('SIGTERM');
  assert.equal((await next.ended).code, 0);
  const [after, lostTo] = [await slot(), offsetsOf(before)[goneFrom] ?? 0];
  assert.deepEqual([after.kind, after.sinks.main.state, after.pending], ['final', [], []]);
  for (const [partition, count] of offsetsOf(after).entries())
    assert.deepEqual(sequencesIn(folder, partition), upTo(count).slice(partition === goneFrom ? lostTo : 0));
  const again = await said('checkpoints', 'resolve', 'p.yaml', '--accept-lost', '--reason', 'disk');
  assert.match(again.stdout, /nothing is pending and no file is open/);
});
