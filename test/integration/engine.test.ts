import assert from 'node:assert/strict';
import test from 'node:test';
import { listVisible } from '../../testing/ledger/index.ts';
import { skipWithoutKafka, testBroker, withAdmin } from '../services/kafka.ts';
import { killBroker } from '../services/kill-broker.ts';
import { waitFor } from '../services/wait.ts';
import { Scene } from './scene.ts';
import { killTwentyTimes, wakeUpAfterTakeover } from './stories.ts';

const onKafka = { skip: skipWithoutKafka, timeout: 480_000 };

test('twenty times kill -9, while records and aborted transactions are written: exact', onKafka, async (t) => {
  await killTwentyTimes(await Scene.set(t));
});

test(
  'an instance that wakes up after another took over ends with exit code 3 and writes nothing',
  onKafka,
  async (t) => {
    await wakeUpAfterTakeover(await Scene.set(t));
  },
);

test(
  'a broker that is killed and started again interrupts the pipeline, which goes on by itself',
  onKafka,
  async (t) => {
    const broker = await testBroker(t);
    if (broker === undefined) return;
    const scene = await Scene.set(t, { broker });
    const producer = scene.producer(4);
    scene.keepProducing(producer, 2_000);
    const pipeline = await scene.run();
    await scene.filesHold(pipeline, 1_000);

    await killBroker(broker, producer);
    await broker.restart();

    await scene.filesHold(pipeline, scene.watcher.records + 2_000);
    await scene.producerStops();
    await scene.filesHold(pipeline);
    await scene.mustStop(pipeline);
    await scene.mustBeExact(3_000);
  },
);

test('partitions added while the pipeline runs are read from their first record', onKafka, async (t) => {
  const scene = await Scene.set(t, { partitions: 2, source: 'discovery: 200ms' });
  await scene.producer(2).send(100);
  const pipeline = await scene.run();
  await scene.filesHold(pipeline);

  await withAdmin(scene.brokers, (admin) =>
    admin.createPartitions({ topicPartitions: [{ topic: scene.topic, count: 5 }] }),
  );
  const wider = scene.producer(5);
  await waitFor(() => wider.send(100).then(() => true), { what: 'the new partitions take records' });

  await scene.filesHold(pipeline);
  await scene.mustStop(pipeline);
  await scene.mustBeExact(700);
});

test(
  'a saved offset that retention has deleted is refused with exit code 4, and nothing is written',
  onKafka,
  async (t) => {
    const scene = await Scene.set(t, { partitions: 2 });
    const producer = scene.producer(2);
    await producer.send(100);
    const before = await scene.run('before');
    await scene.filesHold(before);
    await scene.mustStop(before);
    const files = await listVisible(scene.place.output);

    await producer.send(100, [1]);
    await withAdmin(scene.brokers, async (admin) => {
      await admin.fetchTopicOffsets(scene.topic); // kafkajs deletes only where it has asked for offsets before
      await admin.deleteTopicRecords({ topic: scene.topic, partitions: [{ partition: 1, offset: '150' }] });
    });
    const after = await scene.run('after');

    await scene.mustEnd(after, 4);
    for (const named of [`${scene.topic}/1`, '100', '150'])
      assert.ok(after.log.includes(named), `${named} in ${after.log}`);
    assert.deepEqual(await listVisible(scene.place.output), files);
  },
);

test(
  'a bounded run ends at what is latest, the next one goes on from there, and one with nothing to do does nothing',
  onKafka,
  async (t) => {
    const scene = await Scene.set(t, { source: 'stop: latest' });
    const producer = scene.producer(4);
    const runs = [];

    for (const count of [500, 300, 0]) {
      if (count > 0) {
        await producer.send(count);
        const aborted = await producer.begin('abort');
        await aborted.send(50);
        await aborted.end();
      }
      const pipeline = await scene.run(`run-${runs.length}`);
      await scene.mustEnd(pipeline, 0);
      runs.push((await listVisible(scene.place.output)).length);
    }

    assert.ok((runs[0] ?? 0) > 0 && (runs[1] ?? 0) > (runs[0] ?? 0), `files after each run: ${runs}`);
    assert.equal(runs[2], runs[1]);
    await scene.mustBeExact(3_200);
  },
);

test(
  'SIGTERM ends with a final checkpoint, nothing pending and exit code 0, and the next run goes on from there',
  onKafka,
  async (t) => {
    const scene = await Scene.set(t);
    scene.keepProducing(scene.producer(4), 4_000);
    const first = await scene.run('first');
    await scene.filesHold(first, 2_000);

    await scene.mustStop(first);

    const { kind, pending, epoch } = await scene.place.newestSlot();
    assert.equal(kind, 'final');
    assert.deepEqual(pending, []);
    const second = await scene.run('second');
    await scene.producerStops();
    await scene.filesHold(second);
    await scene.mustStop(second);
    assert.ok((await scene.place.newestSlot()).epoch > epoch);
    await scene.mustBeExact(2_000);
  },
);
