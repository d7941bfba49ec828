import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSlot } from '../../../core/checkpoint/slot.ts';
import { SluiceError } from '../../../core/errors.ts';
import { pipeline } from '../../../core/runtime/pipeline.ts';
import type { PipelineOptions } from '../../../core/runtime/settings.ts';
import { failsWith, throwsWith } from '../support/expect.ts';
import { Scene } from '../support/scene.ts';
import { keyOf, slotOf } from '../support/slots.ts';
import { away, StoreFaults } from '../support/store-faults.ts';

const rejected = () => new SluiceError('rejected', 'NO', { message: 'not allowed' });
const restarts = (instance: ReturnType<Scene['start']>) => instance.virtual.counters.get('restarts') ?? 0;

test('a bounded source is read to its end, everything is visible, and the log ends with a final slot', async () => {
  const scene = new Scene({ queue: { bounded: true } });
  scene.queue.produce('clicks/0', 25);
  scene.queue.produce('clicks/1', 7);

  const { virtual, run } = scene.start();

  assert.deepEqual(await virtual.run(run), { reason: 'finished' });
  assert.deepEqual(scene.box.records, scene.queue.all);
  assert.equal(scene.newest.kind, 'final');
  assert.deepEqual(scene.newest.pending, []);
  assert.deepEqual(scene.saved, { 'clicks/0': 25, 'clicks/1': 7 });
  assert.equal(scene.newest.stats.records, 32);
});

test('a second run of a bounded source with nothing new writes no output and ends well', async () => {
  const scene = new Scene({ queue: { bounded: true } });
  scene.queue.produce('clicks/0', 25);
  const first = scene.start();
  await first.virtual.run(first.run);
  const files = scene.box.visible.size;

  const { virtual, run } = scene.start();

  assert.deepEqual(await virtual.run(run), { reason: 'finished' });
  assert.equal(scene.box.visible.size, files);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a run that is scheduled for ever without new records does not fill the store', async () => {
  const scene = new Scene({ queue: { bounded: true } });
  scene.queue.produce('clicks/0', 5);

  for (let run = 0; run < 40; run++) {
    const instance = scene.start();
    await instance.virtual.run(instance.run);
  }

  assert.ok(scene.slots.length <= 25, `${scene.slots.length} slots`);
  assert.deepEqual(scene.saved, { 'clicks/0': 5 });
});

test('every bounded run reads what came since the last one', async () => {
  const scene = new Scene({ queue: { bounded: true } });

  for (let run = 0; run < 5; run++) {
    scene.queue.produce('clicks/0', 13);
    const instance = scene.start();
    await instance.virtual.run(instance.run);
  }

  assert.deepEqual(scene.box.records, scene.queue.all);
});

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

test('an idle pipeline finds within a minute that it was replaced, and ends fenced', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const first = scene.start();
  await first.virtual.advance(5_000);
  const second = scene.start();
  await second.virtual.advance(1_000);

  const error = await failsWith(first.virtual.run(first.run, { limitMs: 125_000 }), 'fenced', 'FENCED');

  assert.match(error.message, /pid 2/);
  assert.equal(restarts(first), 0);
  await scene.stop(second);
});

test('an instance that was replaced while it reads ends fenced and makes nothing more visible; the output is exact', async () => {
  const scene = new Scene();
  const first = scene.start();
  for (let i = 0; i < 3; i++) {
    scene.queue.produce('clicks/0', 10);
    await first.virtual.advance(1_000);
  }

  const second = scene.start();
  scene.queue.produce('clicks/0', 10);

  await failsWith(first.virtual.run(first.run), 'fenced', 'FENCED');
  scene.queue.produce('clicks/0', 10);
  await second.virtual.until(() => scene.box.records.length >= scene.queue.all.length);
  await scene.stop(second);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a cut that fails ends the incarnation; the next one claims and the output is exact', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 25);
  let failures = 0;
  scene.box.onCut = () => {
    if (failures++ === 0) throw rejected();
  };
  const instance = scene.start();

  await instance.virtual.until(() => scene.box.records.length === 25);
  await scene.stop(instance);

  assert.equal(restarts(instance), 1);
  assert.equal(scene.kinds.split(' ').filter((kind) => kind === 'claim').length, 2);
  assert.deepEqual(scene.box.records, scene.queue.all);
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

test('a cut that takes too long ends the incarnation, and a slot it still wanted to write is not written', async () => {
  const scene = new Scene({ settings: { checkpoints: { interval: '1s', timeout: '30s' }, restart: { attempts: 0 } } });
  scene.queue.produce('clicks/0', 5);
  const cut = Promise.withResolvers<void>();
  scene.box.onCut = () => cut.promise;
  const instance = scene.start();
  await instance.virtual.until(() => instance.virtual.lines.some((line) => line.includes('CHECKPOINT_TIMEOUT')));
  const { seq } = scene.newest;

  cut.resolve();
  await instance.virtual.settle();

  assert.equal(scene.newest.seq, seq, 'only a new claim may come next');
  scene.box.onCut = () => {};
  await instance.virtual.until(() => scene.box.records.length === 5);
  await scene.stop(instance);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a store that goes away for minutes is waited for, and the output is exact', async () => {
  const scene = new Scene();
  const faults = new StoreFaults();
  const instance = scene.start({ faults });
  scene.queue.produce('clicks/0', 10);
  await instance.virtual.until(() => scene.box.records.length === 10);

  for (const verb of ['createIfAbsent', 'get', 'list', 'delete'] as const) faults.refuse(verb, { times: 1_000_000 });
  scene.queue.produce('clicks/0', 10);
  await instance.virtual.advance(300_000);
  faults.clear();

  await instance.virtual.until(() => scene.box.records.length === 20);
  await scene.stop(instance);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a store that loses every answer to a create still gives an exact output', async () => {
  const scene = new Scene({ queue: { bounded: true }, settings: { checkpoints: { interval: '10ms' } } });
  scene.queue.produce('clicks/0', 95);
  const faults = new StoreFaults();
  faults.loseAnswer('createIfAbsent', { times: 1_000_000 });
  // The probe, the layout and the marker are not the log: they are made by restarts.
  const calm = scene.start();
  calm.stop.abort();
  await failsWith(calm.virtual.run(calm.run), 'unavailable', 'STOPPED_BEFORE_START');
  faults.clear();
  for (let seq = 1; seq < 100; seq++) faults.loseAnswer('createIfAbsent', { key: keyOf(seq) });

  const { virtual, run } = scene.start({ faults });
  await virtual.run(run);

  assert.deepEqual(scene.box.records, scene.queue.all);
  assert.equal(virtual.counters.get('restarts'), undefined);
});

test('a stop in the middle of back-pressure by a full writer ends in order', async () => {
  const scene = new Scene({ box: { roomRecords: 15 }, settings: { checkpoints: { interval: '1h' } } });
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

test('a bounded run whose output cannot be committed ends with the cause instead of waiting for ever', async () => {
  const scene = new Scene({
    queue: { bounded: true },
    settings: { checkpoints: { timeout: '1m' }, restart: { attempts: 2 } },
  });
  scene.queue.produce('clicks/0', 5);
  scene.box.onCommit = () => ({ kind: 'retryLater', cause: rejected() });

  const { virtual, run } = scene.start();
  const error = await failsWith(virtual.run(run), 'rejected', 'COMMIT_STUCK');

  assert.match(error.message, /not allowed/);
  assert.equal(scene.box.staged.size, 1, 'what is staged stays');
});

test('a stop before the claim ends at once and leaves no claim', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const waiting = Promise.withResolvers<void>();
  scene.queue.onDiscover = () => waiting.promise;
  const instance = scene.start();
  await instance.virtual.settle();

  instance.stop.abort();
  waiting.resolve();

  const error = await failsWith(instance.virtual.run(instance.run), 'unavailable', 'STOPPED_BEFORE_START');
  assert.match(error.message, /clicks was stopped before it had started/);
  assert.equal(scene.slots.length, 0);
});

test('a run with a signal that is aborted already does nothing', async () => {
  const scene = new Scene();
  const instance = scene.start();
  instance.stop.abort();

  await failsWith(instance.virtual.run(instance.run), 'unavailable', 'STOPPED_BEFORE_START');
  assert.equal(scene.objects.size, 0);
});

test('a stop during the pause before a restart ends with what had failed', async () => {
  const scene = new Scene();
  scene.box.onCheck = () => {
    throw away();
  };
  const instance = scene.start();
  await instance.virtual.until(() => instance.virtual.lines.some((line) => line.startsWith('warn')));

  instance.stop.abort();

  await failsWith(instance.virtual.run(instance.run, { limitMs: 100 }), 'unavailable', 'AWAY');
});

for (const kind of ['config', 'fenced', 'dataLoss'] as const) {
  test(`${kind} never restarts`, async () => {
    const scene = new Scene();
    scene.queue.produce('clicks/0', 5);
    scene.box.onCut = () => {
      throw new SluiceError(kind, 'FINAL', { message: 'no way on' });
    };
    const instance = scene.start();

    await failsWith(instance.virtual.run(instance.run), kind, 'FINAL');

    assert.equal(restarts(instance), 0);
  });
}

test('closing that fails or hangs changes neither a good end nor the reason of a bad one', async () => {
  const scene = new Scene({ queue: { bounded: true } });
  scene.queue.produce('clicks/0', 5);
  scene.queue.onClose = () => {
    throw new Error('socket trouble');
  };
  scene.box.onClose = () => new Promise(() => {});
  const good = scene.start();
  assert.deepEqual(await good.virtual.run(good.run), { reason: 'finished' });

  scene.queue.produce('clicks/0', 5);
  scene.box.onCut = () => {
    throw new SluiceError('dataLoss', 'GONE', { message: 'gone' });
  };
  const bad = scene.start();
  await failsWith(bad.virtual.run(bad.run), 'dataLoss', 'GONE');
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

test('state that is deleted while the pipeline runs is data loss, and what was written stays visible', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.until(() => scene.box.records.length === 5);
  await instance.virtual.advance(1_000);

  scene.objects.clear();
  scene.queue.produce('clicks/0', 5);

  await failsWith(instance.virtual.run(instance.run), 'dataLoss', 'STATE_DELETED');
  assert.equal(scene.box.records.length, 5);
});

test('state that is deleted between two runs is refused, naming the ways out', async () => {
  const scene = new Scene({ queue: { bounded: true } });
  scene.queue.produce('clicks/0', 5);
  const first = scene.start();
  await first.virtual.run(first.run);
  scene.objects.clear();

  const second = scene.start();
  await failsWith(second.virtual.run(second.run), 'config', 'OUTPUT_OF_ANOTHER_LINEAGE');

  assert.equal(scene.objects.size, 0);
  const third = scene.start({ newLineage: true });
  await third.virtual.run(third.run);
  assert.equal(scene.box.records.length, 10, 'the user has asked for it to be repeated');
});

test('a slot of a newer Sluice above ours fences a running instance', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(2_000);

  scene.objects.set(keyOf(scene.newest.seq + 1), Buffer.from('{"format":"sluice-slot","version":2,"kind":"claim"}'));

  await failsWith(instance.virtual.run(instance.run), 'fenced', 'FENCED');
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

test('options that cannot be are said before anything is connected', () => {
  const scene = new Scene();
  const options = { name: 'clicks', source: scene.queue, sink: scene.box };

  pipeline(options);
  for (const wrong of [{ name: 'Not allowed' }, { source: undefined }, { sink: {} }, { sinks: 1 }, { memory: '1x' }])
    throwsWith(() => pipeline({ ...options, ...wrong } as unknown as PipelineOptions), 'config', 'PIPELINE_OPTIONS');
});

test('slots of another lineage in the folder are refused', async () => {
  const scene = new Scene();
  const first = scene.start();
  await first.virtual.advance(100);
  await scene.stop(first);
  const { seq, lineage } = scene.newest;
  scene.objects.set(keyOf(seq + 1), encodeSlot(slotOf({ seq: seq + 1, lineage: 'f'.repeat(16) })));

  const second = scene.start();
  const error = await failsWith(second.virtual.run(second.run), 'dataLoss', 'SLOT_OF_ANOTHER_LINEAGE');
  assert.match(error.message, new RegExp(lineage));
});
