import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { skipWithoutKafka } from '../services/kafka.ts';
import { skipWithoutS3, testS3 } from '../services/s3.ts';
import { waitFor } from '../services/wait.ts';
import { S3Place, type SlotSeen } from './place.ts';
import { Scene } from './scene.ts';
import { endsExact, killTwentyTimes, wakeUpAfterTakeover } from './stories.ts';

interface OpenUploadSeen {
  readonly bytes: number;
  readonly parts: unknown[];
  readonly tail: unknown[];
}

const openUploads = ({ sinks }: SlotSeen) =>
  sinks.main.state.map(({ value }) => (value as { place: OpenUploadSeen }).place);
const hasPartsAndTail = ({ parts, tail }: OpenUploadSeen) => parts.length > 0 && tail.length > 0;

const onBoth = { skip: skipWithoutKafka || skipWithoutS3, timeout: 480_000 };

test('twenty times kill -9 with files and checkpoints in a bucket: exact, and no upload is left', onBoth, async (t) => {
  await killTwentyTimes(await Scene.set(t, { place: await S3Place.make() }));
});

test(
  'an instance on S3 that wakes up after another took over ends with exit code 3 and writes nothing',
  onBoth,
  async (t) => {
    await wakeUpAfterTakeover(await Scene.set(t, { place: await S3Place.make() }));
  },
);

test('kill -9 while uploads stay open across checkpoints: exact, with parts, tails and a last part by another run', {
  ...onBoth,
}, async (t) => {
  const place = await S3Place.make(
    undefined,
    ', partBytes: 5MiB, roll: { onCheckpoint: false, bytes: 24MiB, idle: 3s }',
  );
  const scene = await Scene.set(t, { place, interval: '500ms' });
  scene.keepProducing(scene.producer(4, { valueBytes: 8_000 }), 800);
  let pipeline = await scene.run();
  let ended = 0;
  for (let kill = 1; kill <= 4; kill++) {
    await waitFor(async () => openUploads(await place.newestSlot()).find(hasPartsAndTail), {
      what: `an open upload with parts and a tail, before kill ${kill}`,
      timeoutMs: 60_000,
    });
    await pipeline.kill();
    // The file may have been closed since it was seen.
    ended += openUploads(await place.newestSlot()).filter(hasPartsAndTail).length;
    pipeline = await scene.run();
    await scene.hasClaimed(pipeline);
  }
  assert.ok(ended > 0, 'no kill left an open upload with parts and a tail');
  await endsExact(scene, pipeline, 3_000);
});

test('an S3 server that is away for 20 s interrupts the pipeline, which goes on by itself', onBoth, async (t) => {
  const server = await testS3(t);
  if (server === undefined) return;
  const scene = await Scene.set(t, { place: await S3Place.make(server) });
  scene.keepProducing(scene.producer(4), 1_000);
  const pipeline = await scene.run();
  await scene.filesHold(pipeline, 1_000);

  await scene.changes(pipeline, 'staged');
  await server.kill();
  await sleep(20_000);
  await server.restart();

  await scene.filesHold(pipeline, scene.watcher.records + 2_000);
  await endsExact(scene, pipeline, 3_000);
});

test('two pipelines under one prefix leave each other’s uploads alone', onBoth, async (t) => {
  const clicks = await S3Place.make();
  // In the order in which they end: the bucket goes last.
  const second = await Scene.set(t, { place: clicks.beside('views') });
  const first = await Scene.set(t, { place: clicks });
  for (const scene of [first, second]) scene.keepProducing(scene.producer(2), 1_000);
  // What a third party began under the same prefix, and what looks like another lineage of this very pipeline.
  const foreign = await Promise.all(
    ['raw/clicks/by-hand.csv', 'raw/clicks/clicks-0123456789abcdef-l1s0-000000000001-00000001.ndjson'].map((key) =>
      clicks.bucket.startUpload(key),
    ),
  );
  const sleeping = await first.run();
  await first.filesHold(sleeping, 500);
  // Asleep amid an upload that is none of the other's business.
  await first.changes(sleeping, 'staged');
  sleeping.pause();

  for (let start = 0; start < 3; start++) {
    const other = await second.run();
    await second.filesHold(other, second.watcher.records + 500);
    await other.kill();
  }
  const other = await second.run();
  await second.filesHold(other, second.watcher.records + 500);
  sleeping.resume();

  for (const [scene, pipeline] of [
    [first, sleeping],
    [second, other],
  ] as const) {
    await scene.producerStops();
    await scene.filesHold(pipeline);
    await scene.mustStop(pipeline);
    await scene.mustBeExact(1_000);
  }
  if (!clicks.listsUploads)
    return t.diagnostic('this server lists no uploads by prefix: what is left is not looked at');
  const left = await clicks.staged();
  assert.deepEqual(left.sort(), foreign.map(({ key, uploadId }) => `${key} ${uploadId}`).sort());
});
