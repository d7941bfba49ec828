import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testHdfs } from '../services/hdfs.ts';
import type { Hdfs, HdfsOptions } from '../services/hdfs-cluster.ts';
import { skipWithoutKafka } from '../services/kafka.ts';
import { HdfsPlace } from './hdfs-place.ts';
import { Scene } from './scene.ts';
import { endsExact, killTwentyTimes, wakeUpAfterTakeover } from './stories.ts';

/** How long no NameNode runs, to which comes the time in which they start. */
const AWAY_MS = 20_000;

const onBoth = { skip: skipWithoutKafka, timeout: 480_000 };

async function sceneOn(t: TestContext, options: HdfsOptions = {}): Promise<{ hdfs: Hdfs; scene: Scene } | undefined> {
  const hdfs = await testHdfs(t, options);
  if (hdfs === undefined) return undefined;
  return { hdfs, scene: await Scene.set(t, { place: new HdfsPlace(hdfs) }) };
}

test(
  'twenty times kill -9 with files and checkpoints in HDFS: exact, and nothing staged is left',
  onBoth,
  async (t) => {
    const on = await sceneOn(t);
    if (on !== undefined) await killTwentyTimes(on.scene);
  },
);

test('an instance on HDFS that slept while another took over ends with exit code 3: exact', onBoth, async (t) => {
  const on = await sceneOn(t);
  if (on !== undefined) await wakeUpAfterTakeover(on.scene);
});

test(
  'a DataNode, one NameNode and then both of them killed amid a file, and a pair that changes over: the pipeline goes on by itself',
  onBoth,
  async (t) => {
    const on = await sceneOn(t, { ha: true });
    if (on === undefined) return;
    const { hdfs, scene } = on;
    scene.keepProducing(scene.producer(4), 1_000);
    const pipeline = await scene.run();
    await scene.filesHold(pipeline, 1_000);
    const goesOn = () => scene.filesHold(pipeline, scene.watcher.records + 2_000);

    await scene.changes(pipeline, 'staged');
    await hdfs.dataNodes[0]?.kill();
    await hdfs.dataNodes[0]?.start();
    await goesOn();

    // Nobody is active until the other one is told to be.
    await scene.changes(pipeline, 'staged');
    await hdfs.nameNodes[0]?.kill();
    await hdfs.activate(1);
    await goesOn();

    // Nobody is there at all for a while.
    await scene.changes(pipeline, 'staged');
    await hdfs.nameNodes[1]?.kill();
    await sleep(AWAY_MS);
    await Promise.all(hdfs.nameNodes.map((nameNode) => nameNode.start()));
    await hdfs.activate(0);
    await hdfs.ready();
    await goesOn();

    // Alive on both sides.
    await scene.changes(pipeline, 'staged');
    await hdfs.activate(1);
    await goesOn();

    await endsExact(scene, pipeline, 5_000);
  },
);
