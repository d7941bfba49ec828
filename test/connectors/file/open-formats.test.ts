import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeSlot, type Slot } from '../../../core/checkpoint/slot.ts';
import { waitFor } from '../../services/wait.ts';
import { CASES, filesPerPartition, PARTITIONS } from './support/formats.ts';
import { COUNT, openPipelines } from './support/open-pipelines.ts';

const PROGRAM = join(import.meta.dirname, 'support/open-pipelines.ts');
/** Of each pipeline before the kill: its claim and three checkpoints at least. */
const SLOTS_BEFORE_KILL = 4;

const root = await mkdtemp(join(tmpdir(), 'sluice-test-'));
const pipelines = openPipelines(root);
/** Of each pipeline, what its killed run had open. */
let open: Slot['sinks']['main']['state'][];

function newestSlot(path: string): Slot {
  const slots = join(path, '_sluice/formats/000001/0000');
  const newest =
    readdirSync(slots)
      .filter((name) => /^\d{12}\.json$/.test(name))
      .sort()
      .at(-1) ?? 'none';
  return decodeSlot(readFileSync(join(slots, newest)), newest);
}

before(async () => {
  const child = spawn(process.execPath, [PROGRAM, root], { stdio: 'inherit' });
  try {
    const isOpen = ({ seq, sinks }: Slot) => seq >= SLOTS_BEFORE_KILL && sinks.main.state.length === PARTITIONS;
    await waitFor(() => pipelines.every(({ path }) => isOpen(newestSlot(path))), {
      what: 'open files of every format',
    });
  } finally {
    child.kill('SIGKILL');
  }
  await once(child, 'exit');
  open = pipelines.map(({ path }) => newestSlot(path).sinks.main.state);
  await Promise.all(pipelines.map(({ pipeline }) => pipeline.run()));
});

after(() => rm(root, { recursive: true, force: true }));

for (const [i, { what, check }] of CASES.entries()) {
  test(`${what}, with files open across checkpoints and a kill`, async (t) => {
    const { path } = pipelines[i] as (typeof pipelines)[number];
    const files = join(path, 'clicks', '*', '*');

    // What the killed run had open, and what the second one had until its end.
    assert.equal(open[i]?.length, PARTITIONS, 'killed amid the stream');
    assert.deepEqual(filesPerPartition(files), Array(PARTITIONS).fill(2));
    await check(t, files, COUNT);
  });
}
