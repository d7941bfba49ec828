import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { orphansText } from '../../cli/orphans.ts';
import { folderWith, sluice } from './sluice.ts';

const PIPELINE = `name: made
source: { type: datagen, count: 100, partitions: 2 }
sink: { type: file, path: ./out }
`;

test('orphans are a table, with what they come to and what becomes of them', () => {
  const text = orphansText(
    {
      orphans: [
        { place: 's3:lake/raw/t/a', id: 'u-1', epoch: 3, bytes: 8_388_608, stagedAtMs: 1_000 },
        { place: 's3:lake/raw/t/bc', id: 'u-22', epoch: 12, bytes: undefined, stagedAtMs: undefined },
      ],
      kept: 2,
    },
    { epoch: 14, nowMs: 3_601_000 },
  );

  assert.equal(
    text,
    `epoch  age        size     where             upload
    3  1 h 0 min  8.39 MB  s3:lake/raw/t/a   u-1
   12  ?          ?        s3:lake/raw/t/bc  u-22

2 orphans, at least 8.39 MB, which no reader sees.
They are discarded after the next start, and every ten minutes while an instance runs.
2 more are staged and kept: named by a checkpoint, or of the newest instance (epoch 14); what that one leaves when it ends, the start after it discards.`,
  );
});

test('where nothing is to be found and nothing can be found, both are said', () => {
  const text = orphansText(
    { orphans: [], kept: 0, blindness: { why: 'this store hides them', help: 'set a rule' } },
    { epoch: 1, nowMs: 0 },
  );

  assert.equal(
    text,
    'no orphans: no earlier run has left anything behind\n\nBut this store hides them.\n  To be safe, set a rule.',
  );
});

/** A pipeline that has ended in order. */
async function ended(t: TestContext): Promise<{ folder: string; lineage: string }> {
  const folder = folderWith(t, { 'p.yaml': PIPELINE });
  const { code, stderr } = await sluice(t, folder, ['run', 'p.yaml']).ended;
  assert.equal(code, 0, stderr);
  const { lineage } = JSON.parse(readFileSync(join(folder, 'out/_sluice/made/layout-000001.json'), 'utf8'));
  return { folder, lineage };
}

test('a staged file of an older run is listed and left where it is', async (t) => {
  const { folder, lineage } = await ended(t);
  const staging = join(folder, 'out/.staging');
  const orphan = `made-${lineage}-l1s0-000000000000-00000001.ndjson`;
  mkdirSync(staging, { recursive: true });
  writeFileSync(join(staging, orphan), 'left behind');
  const slots = readdirSync(join(folder, 'out/_sluice/made/000001/0000'));

  const { code, stdout, stderr } = await sluice(t, '/', ['orphans', 'list', join(folder, 'p.yaml')]).ended;

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(
    stdout,
    /^epoch +age +size +where\n +0 +\d+\.\d s +11 B +\S+\n\n1 orphan, 11 B, which no reader sees\.\n/,
  );
  assert.ok(stdout.includes(join(staging, orphan)));
  assert.deepEqual(readdirSync(staging), [orphan]);
  assert.deepEqual(readdirSync(join(folder, 'out/_sluice/made/000001/0000')), slots, 'nothing was claimed');
});

test('a run that has ended in order leaves no orphans', async (t) => {
  const { folder } = await ended(t);

  const { code, stdout } = await sluice(t, folder, ['orphans', 'list', 'p.yaml']).ended;

  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'no orphans: no earlier run has left anything behind\n' });
});

test('a pipeline that never ran has no orphans to list, and exits 2 saying so', async (t) => {
  const folder = folderWith(t, { 'p.yaml': PIPELINE });

  const { code, stderr } = await sluice(t, folder, ['orphans', 'list', 'p.yaml']).ended;

  assert.equal(code, 2);
  assert.match(stderr, /there are no checkpoints of made in file:.*\[NO_CHECKPOINTS\]/s);
});
