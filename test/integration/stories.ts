import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelineProcess } from '../services/pipeline-process.ts';
import type { Scene } from './scene.ts';

/** Twenty times kill -9 while records and aborted transactions are written; then the output must be exact and nothing left. */
export async function killTwentyTimes(scene: Scene): Promise<void> {
  scene.keepProducing(scene.producer(4), 4_000);
  let pipeline = await scene.run();

  for (let kill = 0; kill < 20; kill++) {
    // A random moment, from before the first claim to amid the fifth checkpoint; or the very moment at which a slot is made
    // or a file is staged or committed, which chance alone seldom hits.
    const moment = kill % 4;
    if (moment > 0) await scene.filesHold(pipeline, scene.watcher.records + 1);
    if (moment === 1) await scene.changes(pipeline, 'slots');
    else if (moment === 2) await scene.changes(pipeline, 'staged');
    else await sleep(Math.random() * 1_500);
    await pipeline.kill();
    pipeline = await scene.run();
  }

  await scene.producerStops();
  await scene.filesHold(pipeline);
  await scene.stagedGoes();
  await scene.mustStop(pipeline);
  assert.ok(scene.ledger.totals().aborted > 0);
  await scene.mustBeExact(10_000);
}

/** An instance that slept while another took over must write nothing more, not take over in turn, and say who took over. */
export async function wakeUpAfterTakeover(scene: Scene): Promise<void> {
  scene.keepProducing(scene.producer(4), 2_000);
  const replaced = await scene.run('first');
  await scene.filesHold(replaced, 1);

  replaced.pause();
  const owner = await scene.run('second');
  await scene.filesHold(owner, scene.watcher.records + 1_000);
  replaced.resume();

  await scene.mustEnd(replaced, 3);
  assert.match(replaced.log, new RegExp(String(owner.pid)));
  await scene.filesHold(owner, scene.watcher.records + 1_000);
  await endsExact(scene, owner, 2_000);
}

/** Everything becomes visible, the pipeline stops in order, nothing is left staged, and the output is exact. */
export async function endsExact(scene: Scene, pipeline: PipelineProcess, recordsMin: number): Promise<void> {
  await scene.producerStops();
  await scene.filesHold(pipeline);
  await scene.mustStop(pipeline);
  // What was staged after it looked for orphans is found by whoever starts next.
  const next = await scene.run('next');
  await scene.hasClaimed(next);
  await scene.stagedGoes();
  await scene.mustStop(next);
  await scene.mustBeExact(recordsMin);
}
