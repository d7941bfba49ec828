import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../../core/errors.ts';
import { failsWith } from '../support/expect.ts';
import { Box } from '../support/fake-sink.ts';
import { Scene } from '../support/scene.ts';
import { keyOf } from '../support/slots.ts';
import { away, StoreFaults } from '../support/store-faults.ts';

const rejected = () => new SluiceError('rejected', 'NO', { message: 'not allowed' });
const restarts = (instance: ReturnType<Scene['start']>) => instance.virtual.counters.get('restarts') ?? 0;

test('an orderly stop makes everything read so far visible and ends with a final slot', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 25);
  const instance = scene.start();
  await instance.virtual.until(() => scene.queue.events.includes('poll'));

  assert.deepEqual(await scene.stop(instance), { reason: 'stopped' });

  assert.equal(scene.newest.kind, 'final');
  assert.equal(scene.box.records.length, scene.saved['clicks/0']);
  assert.equal(scene.box.staged.size, 0);
  assert.deepEqual(scene.newest.pending, []);
});

test('the first records are visible after a moment, not after an interval', async () => {
  const scene = new Scene({ settings: { checkpoints: { interval: '1h' } } });
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();

  await instance.virtual.until(() => scene.box.records.length === 5, { limitMs: 500 });

  await scene.stop(instance);
});

test('a stream that flows is cut once per interval, and every settled cut leaves the log at once', async () => {
  const scene = new Scene();
  const instance = scene.start();
  for (let second = 0; second < 10; second++) {
    scene.queue.produce('clicks/0', 10);
    await instance.virtual.advance(1_000);
  }

  assert.deepEqual(scene.box.records, scene.queue.all);
  assert.ok(scene.box.events.filter((event) => event.startsWith('cut')).length <= 11);
  assert.deepEqual(scene.newest.pending, []);
  await scene.stop(instance);
});

test('nothing is committed before a slot names it', async () => {
  const scene = new Scene({ queue: { bounded: true } });
  scene.queue.produce('clicks/0', 95);
  const unnamed: string[] = [];
  scene.box.onCommit = ({ id }) => {
    if (!scene.slots.some(({ pending }) => pending.some((entry) => entry.id === id))) unnamed.push(id);
    return undefined;
  };

  const { virtual, run } = scene.start();
  await virtual.run(run);

  assert.ok(scene.box.visible.size > 0);
  assert.deepEqual(unnamed, []);
});

test('an idle pipeline writes no slots', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(5_000);
  const { seq } = scene.newest;

  await instance.virtual.advance(600_000);

  assert.equal(scene.newest.seq, seq);
  await scene.stop(instance);
});

test('a cut that fails while a stop waits for it ends the run with its error, and nothing spins', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const cut = Promise.withResolvers<void>();
  scene.box.onCut = () => cut.promise;
  const instance = scene.start();
  await instance.virtual.until(() => scene.box.events.includes('cut 1'));
  instance.stop.abort();
  await instance.virtual.settle();

  cut.reject(rejected());

  await failsWith(instance.virtual.run(instance.run), 'rejected', 'NO');
  assert.deepEqual(
    scene.box.events.filter((event) => event.startsWith('cut')),
    ['cut 1'],
  );
});

test('a stop in the middle of back-pressure by a full writer ends in order', async () => {
  const scene = new Scene({ box: { roomRecords: 12 }, settings: { checkpoints: { interval: '1h' } } });
  scene.queue.produce('clicks/0', 100);
  const instance = scene.start();
  await instance.virtual.until(() => scene.box.records.length > 0);
  await instance.virtual.advance(1_000);
  assert.equal(scene.box.events.filter((event) => event === 'full').length, 2);

  assert.deepEqual(await scene.stop(instance), { reason: 'stopped' });

  assert.equal(scene.box.records.length, scene.saved['clicks/0']);
  assert.deepEqual(
    scene.box.records,
    scene.queue.all.filter((record) => scene.box.records.includes(record)),
  );
});

test('a stop while reading waits for older output to be committed ends within the shutdown timeout, saying why', async () => {
  const scene = new Scene({ settings: { shutdownTimeout: '5s' } });
  scene.box.onCommit = () => ({ kind: 'retryLater', cause: away() });
  const instance = scene.start();
  for (let i = 0; i < 15; i++) {
    scene.queue.produce('clicks/0', 1);
    await instance.virtual.advance(1_000);
  }
  assert.match(instance.virtual.lines.join('\n'), /reading waits until older output is committed/);
  const stoppedAtMs = instance.virtual.nowMs;

  instance.stop.abort();
  const error = await failsWith(instance.virtual.run(instance.run), 'unavailable', 'SHUTDOWN_TIMEOUT');

  assert.equal(instance.virtual.nowMs - stoppedAtMs, 5_000);
  assert.match(error.message, /the store does not answer/);
  scene.box.onCommit = () => undefined;
  const next = scene.start();
  await next.virtual.until(() => scene.box.records.length === 15);
  await scene.stop(next);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a stop while a carried commit hangs ends within the shutdown timeout', async () => {
  const scene = new Scene({ settings: { shutdownTimeout: '5s' } });
  scene.queue.produce('clicks/0', 5);
  scene.box.onCommit = () => new Promise(() => {});
  const first = scene.start();
  await first.virtual.until(() => scene.newest?.pending.length === 1);
  const second = scene.start();
  await second.virtual.until(() => scene.newest.epoch > 1);

  second.stop.abort();

  await failsWith(second.virtual.run(second.run, { limitMs: 6_000 }), 'unavailable', 'SHUTDOWN_TIMEOUT');
});

test('a sink session or writer that opens only after the incarnation has ended is closed', async () => {
  const scene = new Scene({ settings: { shutdownTimeout: '1s' } });
  const opening = Promise.withResolvers<void>();
  scene.box.onOpen = () => opening.promise;
  const instance = scene.start();
  await instance.virtual.until(() => scene.slots.length === 1);
  instance.stop.abort();
  await failsWith(instance.virtual.run(instance.run), 'unavailable', 'SHUTDOWN_TIMEOUT');

  opening.resolve();
  await instance.virtual.settle();

  assert.deepEqual(scene.box.events, ['close']);
});

test('a partition found while running is in a slot before its first poll, and begins at its beginning', async () => {
  const scene = new Scene({ queue: { discoverIntervalMs: 10_000 } });
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(1_000);
  scene.queue.produce('clicks/1', 3);
  let savedAtAssign: Record<string, number> | undefined;
  const { push } = scene.queue.events;
  scene.queue.events.push = (...events) => {
    if (events[0]?.startsWith('assign clicks/1')) savedAtAssign = scene.saved;
    return push.apply(scene.queue.events, events);
  };

  await instance.virtual.until(() => scene.box.records.length === 8);

  assert.deepEqual(savedAtAssign, { 'clicks/0': 5, 'clicks/1': 0 });
  await scene.stop(instance);
  assert.deepEqual(scene.saved, { 'clicks/0': 5, 'clicks/1': 3 });
});

test('a topic that appears while running loses no record, although the run began at the end of the others', async () => {
  const scene = new Scene({ queue: { discoverIntervalMs: 10_000 } });
  scene.queue.startFirst = 'latest';
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(1_000);
  scene.queue.produce('orders/0', 3);

  await instance.virtual.until(() => scene.box.records.length === 3);

  await scene.stop(instance);
  assert.deepEqual(scene.saved, { 'clicks/0': 5, 'orders/0': 3 });
});

test('a partition is not read when the slot that should hold it cannot be written', async () => {
  const scene = new Scene({ queue: { discoverIntervalMs: 10_000 }, settings: { restart: { attempts: 0 } } });
  scene.queue.produce('clicks/0', 5);
  const faults = new StoreFaults();
  const instance = scene.start({ faults });
  await instance.virtual.advance(1_000);
  scene.queue.produce('clicks/1', 3);
  faults.refuse('createIfAbsent', { key: keyOf(scene.newest.seq + 1) }, rejected());

  await failsWith(instance.virtual.run(instance.run), 'rejected', 'NO');

  assert.ok(!scene.queue.events.includes('assign clicks/1@0'));
});

test('a stop during a discovery ends with a final slot, and a partition found too late is left to the next run', async () => {
  const scene = new Scene({ queue: { discoverIntervalMs: 10_000 } });
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(1_000);
  scene.queue.produce('clicks/1', 3);
  const cut = Promise.withResolvers<void>();
  scene.box.onCut = () => cut.promise;
  scene.queue.produce('clicks/0', 5);
  await instance.virtual.advance(10_000);
  instance.stop.abort();
  await instance.virtual.settle();

  cut.resolve();
  await instance.virtual.run(instance.run);

  assert.equal(scene.newest.kind, 'final');
  assert.ok(!scene.queue.events.includes('assign clicks/1@0'));
  scene.box.onCut = () => {};
  const next = scene.start();
  await next.virtual.until(() => scene.box.records.length === 13);
  await scene.stop(next);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('discovery that finds the source away waits for the next time', async () => {
  const scene = new Scene({ queue: { discoverIntervalMs: 10_000 } });
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(1_000);
  scene.queue.onDiscover = () => {
    throw away();
  };
  await instance.virtual.advance(30_000);
  scene.queue.onDiscover = () => {};
  scene.queue.produce('clicks/1', 3);

  await instance.virtual.until(() => scene.box.records.length === 8, { limitMs: 30_000 });

  assert.equal(restarts(instance), 0);
  await scene.stop(instance);
});

test('a topic that is recreated while the pipeline runs is data loss', async () => {
  const scene = new Scene({ queue: { discoverIntervalMs: 10_000 } });
  scene.queue.identities.set('clicks', 'id-1');
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(1_000);

  scene.queue.identities.set('clicks', 'id-2');

  await failsWith(instance.virtual.run(instance.run, { limitMs: 20_000 }), 'dataLoss', 'TOPIC_RECREATED');
});

test('what is announced is durable and visible, never more', async () => {
  const scene = new Scene();
  const instance = scene.start();
  scene.box.onCommit = () => ({ kind: 'retryLater', cause: away() });
  scene.queue.produce('clicks/0', 5);
  await instance.virtual.advance(3_000);
  assert.deepEqual(scene.saved, { 'clicks/0': 5 });
  assert.notDeepEqual(scene.queue.announced, { 'clicks/0': 5 });

  scene.box.onCommit = () => undefined;
  await instance.virtual.until(() => scene.box.records.length === 5);
  await instance.virtual.advance(100);

  assert.deepEqual(scene.queue.announced, { 'clicks/0': 5 });
  await scene.stop(instance);
});

test('orphans of crashed runs are discarded after the claim; what a slot names is committed instead', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const crashed = scene.start();
  const never = new Promise<undefined>(() => {});
  scene.box.onCommit = () => never;
  await crashed.virtual.until(() => scene.newest?.pending.length === 1);
  const { lineage } = scene.newest;
  scene.box.staged.set(`${lineage}-1-99`, ['clicks/0:staged and named by no slot']);
  scene.box.onCommit = () => undefined;

  const next = scene.start();
  await next.virtual.advance(2_000);

  assert.deepEqual(scene.box.aborted, [`${lineage}-1-99`]);
  assert.deepEqual(scene.box.records, scene.queue.all);
  await scene.stop(next);
});

test('an instance that finds itself fenced touches nothing: what it has read is neither cut nor staged', async () => {
  const scene = new Scene({ settings: { checkpoints: { interval: '1h' } } });
  scene.queue.produce('clicks/0', 5);
  const first = scene.start();
  await first.virtual.advance(1_000);
  scene.queue.produce('clicks/0', 5);
  await first.virtual.advance(1_000);
  const second = scene.start({}, { sink: new Box() });
  await second.virtual.advance(100);
  const before = scene.box.events.length;

  await failsWith(first.virtual.run(first.run), 'fenced', 'FENCED');

  const after = scene.box.events.slice(before);
  assert.deepEqual(
    after.filter((event) => !event.startsWith('close')),
    [],
  );
  assert.equal(scene.box.staged.size, 0);
  await scene.stop(second);
});
