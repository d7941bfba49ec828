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

test('an instance that was replaced long ago and finds its next record deleted ends fenced, not with data loss', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const first = scene.start();
  await first.virtual.advance(5_000);
  const second = scene.start();
  await second.virtual.advance(1_000);

  scene.queue.onPoll = () => {
    throw new SluiceError('dataLoss', 'GONE', { message: 'the next record is gone' });
  };

  await failsWith(first.virtual.run(first.run), 'fenced', 'FENCED');
  await failsWith(second.virtual.run(second.run), 'dataLoss', 'GONE');
});

test('an instance that was replaced and fails of that before it hears of it does not take the pipeline back', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const first = scene.start();
  await first.virtual.advance(5_000);
  const second = scene.start();
  await second.virtual.advance(1_000);

  // As a sweep leaves it: what it had begun to write is gone.
  scene.box.onCut = () => {
    throw rejected();
  };
  scene.queue.produce('clicks/0', 5);
  await first.virtual.until(() => restarts(first) === 1);
  scene.box.onCut = () => {};

  const error = await failsWith(first.virtual.run(first.run), 'fenced', 'FENCED');

  assert.match(error.message, /pid 2/);
  await second.virtual.until(() => scene.box.records.length === 10);
  await scene.stop(second);
  assert.deepEqual(scene.box.records, scene.queue.all);
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

test('checkpoints found at another place are refused while the newest slot names output that is not committed', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 10);
  scene.box.onCommit = () => new Promise(() => {});
  const first = scene.start();
  await first.virtual.advance(3_000);
  first.virtual.kill();
  assert.equal(scene.newest.pending.length, 1);
  scene.box.onCommit = () => undefined;

  const elsewhere = scene.start({ storeIdentity: 'memory:elsewhere' });
  await failsWith(elsewhere.virtual.run(elsewhere.run), 'config', 'STORE_MOVED_WITH_PENDING');

  assert.deepEqual(scene.box.records, []);
  const again = scene.start();
  await again.virtual.advance(3_000);
  await scene.stop(again);
  const moved = scene.start({ storeIdentity: 'memory:elsewhere' });
  await moved.virtual.advance(3_000);
  await scene.stop(moved);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a slot of a newer Sluice above ours fences a running instance', async () => {
  const scene = new Scene();
  scene.queue.produce('clicks/0', 5);
  const instance = scene.start();
  await instance.virtual.advance(2_000);

  scene.objects.set(keyOf(scene.newest.seq + 1), Buffer.from('{"format":"sluice-slot","version":2,"kind":"claim"}'));

  await failsWith(instance.virtual.run(instance.run), 'fenced', 'FENCED');
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
