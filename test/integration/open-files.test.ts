import assert from 'node:assert/strict';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { skipWithoutKafka } from '../services/kafka.ts';
import { waitFor } from '../services/wait.ts';
import type { FolderPlace, SlotSeen } from './place.ts';
import { Scene } from './scene.ts';

/** Some six seconds, and so as many checkpoints, of what is produced. */
const ROLL_MIB = 128;
const ROLL_BYTES = ROLL_MIB * 1024 * 1024;
/** A file ends after the batch that made it large enough. */
const OVER_BYTES = 1024 * 1024;
const VALUE_BYTES = 8_000;
const RECORDS_PER_SECOND = 3_000;
const KILLS = 2;

/** How much of each open file is durable. */
function openBytes({ sinks }: SlotSeen): number[] {
  return sinks.main.state.map(({ value }) => (value as { place: { bytes: number } }).place.bytes);
}

test('files reach the size asked for although checkpoints come every second, and kill -9 loses nothing', {
  skip: skipWithoutKafka,
  timeout: 480_000,
}, async (t) => {
  const roll = `roll: { onCheckpoint: false, bytes: ${ROLL_MIB}MiB, idle: 3s }`;
  const scene = await Scene.set(t, { sink: roll, interval: '1s' });
  const place = scene.place as FolderPlace;
  const sizes = () => globSync(join(place.output, scene.topic, '*.ndjson')).map((path) => statSync(path).size);
  const wholeFiles = () => sizes().filter((bytes) => bytes >= ROLL_BYTES).length;
  scene.keepProducing(scene.producer(4, { valueBytes: VALUE_BYTES }), RECORDS_PER_SECOND);

  let pipeline = await scene.run();
  const finished: number[] = [];
  for (let kill = 1; kill <= KILLS; kill++) {
    await waitFor(() => wholeFiles() >= kill || !pipeline.running, { what: `whole file ${kill}`, timeoutMs: 120_000 });
    // Not while the next file is still empty.
    await waitFor(async () => openBytes(await place.newestSlot()).length > 0, { what: 'an open file' });
    await pipeline.kill();
    const open = openBytes(await place.newestSlot());
    finished.push(...open);
    const before = sizes().length;
    pipeline = await scene.run();
    await waitFor(() => sizes().length >= before + open.length, { what: 'files that the killed run had open' });
  }
  await waitFor(() => wholeFiles() > KILLS || !pipeline.running, { what: 'a last whole file', timeoutMs: 120_000 });
  await scene.producerStops();
  // Nothing more comes, so this is by `idle`: the pipeline still runs.
  await scene.filesHold(pipeline);
  const { seq } = await place.newestSlot();
  await scene.mustStop(pipeline);

  const newest = await place.newestSlot();
  assert.deepEqual([newest.kind, newest.pending, openBytes(newest)], ['final', [], []]);
  assert.ok(finished.length > 0, 'some file was open at a kill');
  for (const bytes of finished) assert.ok(sizes().includes(bytes), `a file of ${bytes} bytes, as the slot recorded`);
  const whole = sizes().filter((bytes) => bytes >= ROLL_BYTES);
  assert.ok(
    whole.every((bytes) => bytes < ROLL_BYTES + OVER_BYTES),
    `sizes: ${whole}`,
  );
  // What is smaller was ended by a restart, or by `idle` at the end.
  assert.ok(sizes().length - whole.length <= finished.length + 1, `sizes: ${sizes()}`);
  assert.ok(seq > 2 * sizes().length, `${seq} slots for ${sizes().length} files`);
  // What killed runs were writing is discarded by a start once no slot names it.
  const next = await scene.run('next');
  await scene.hasClaimed(next);
  await waitFor(async () => (await place.unnamed()).length === 0, { what: 'nothing is staged that no slot names' });
  await scene.mustStop(next);
  await scene.mustBeExact(KILLS * (ROLL_BYTES / VALUE_BYTES));
});
