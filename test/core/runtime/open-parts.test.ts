import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../support/expect.ts';
import { Box } from '../support/fake-sink.ts';
import { type Instance, Scene } from '../support/scene.ts';

/** Two splits with records in a part each that is still open, all of them durable. */
async function withOpenParts({ interval = '1s' } = {}): Promise<{ scene: Scene; first: Instance }> {
  const scene = new Scene({ box: { staysOpen: true }, settings: { checkpoints: { interval } } });
  scene.queue.produce('clicks/0', 15);
  scene.queue.produce('orders/0', 5);
  const first = scene.start();
  await first.virtual.advance(3_000);
  assert.deepEqual([scene.box.visible.size, scene.state.length], [0, 2]);
  return { scene, first };
}

/** The same, and the process that wrote them is dead. */
async function killedWithOpenParts(): Promise<Scene> {
  const { scene, first } = await withOpenParts();
  first.virtual.kill();
  return scene;
}

const openNames = (scene: Scene) => scene.state.map(({ value }) => (value as { name: string }).name);

test('what a killed run had open is finished by the next one, and the slot after its claim names it', async () => {
  const scene = await killedWithOpenParts();
  for (const name of openNames(scene)) scene.box.staged.get(name)?.push('written after the last slot');

  const second = scene.start({}, { checkpoints: { retain: 100 } });
  await second.virtual.until(() => scene.box.visible.size > 0);

  const claim = scene.slots.findLast(({ kind }) => kind === 'claim');
  const after = scene.slots.find(({ seq }) => seq === (claim?.seq ?? 0) + 1);
  assert.deepEqual([claim?.sinks.main.state.length, claim?.pending.length], [2, 0]);
  assert.deepEqual([after?.sinks.main.state, after?.pending.length], [[], 2]);
  assert.deepEqual(
    after?.pending.map(({ covers }) => covers),
    [{ 'clicks/0': [0, 15] }, { 'orders/0': [0, 5] }],
  );
  assert.deepEqual(after?.source, claim?.source);
  assert.deepEqual(scene.box.records, scene.queue.all);
  await scene.stop(second);
});

test('every record is visible once, however many runs are killed with open parts', async () => {
  const scene = await killedWithOpenParts();
  for (let run = 0; run < 3; run++) {
    const next = scene.start();
    scene.queue.produce('clicks/0', 7);
    await next.virtual.advance(2_500);
    scene.queue.produce('orders/0', 3);
    await next.virtual.advance(50);
    next.virtual.kill();
  }
  assert.ok(scene.box.records.length < scene.queue.all.length);

  const last = scene.start();
  await last.virtual.advance(3_000);
  await scene.stop(last);

  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('what a run has finished and named is not finished again when it is killed amid many', async () => {
  const scene = new Scene({ box: { staysOpen: true } });
  for (let split = 0; split < 150; split++) scene.queue.produce(`clicks/${split}`, 2);
  const first = scene.start();
  await first.virtual.advance(3_000);
  first.virtual.kill();
  assert.equal(scene.state.length, 150);
  const last = openNames(scene).at(-1);
  scene.box.onFinished = ({ name }) => (name === last ? new Promise(() => {}) : undefined);
  const second = scene.start();
  await second.virtual.advance(2_000);
  second.virtual.kill();
  const left = scene.state.length;
  assert.ok(left > 0 && left < 150, `${left} are open`);
  let finished = 0;
  scene.box.onFinished = () => {
    finished++;
  };

  const third = scene.start();
  await third.virtual.advance(2_000);
  await scene.stop(third);

  assert.equal(finished, left);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a part that is closed early becomes visible although no record comes', async () => {
  const { scene, first } = await withOpenParts({ interval: '1m' });

  scene.box.closeOpen();
  await first.virtual.until(() => scene.box.visible.size === 2, { limitMs: 61_000 });

  assert.deepEqual(scene.box.records, scene.queue.all);
  assert.deepEqual(scene.state, []);
  await scene.stop(first);
});

test('a part that is closed while a cut is under way goes with the next one', async () => {
  const { scene, first } = await withOpenParts();
  const cut = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  scene.box.onCut = () => {
    begun.resolve();
    return cut.promise;
  };
  scene.queue.produce('clicks/0', 1);
  await first.virtual.run(begun.promise);

  scene.box.closeOpen();
  await first.virtual.settle();
  cut.resolve();
  await first.virtual.until(() => scene.box.visible.size === 2, { limitMs: 2_000 });

  assert.deepEqual(scene.box.records, scene.queue.all);
  await scene.stop(first);
});

test('an orderly stop closes all parts, although no position has moved since the last checkpoint', async () => {
  const { scene, first } = await withOpenParts();
  const saved = { ...scene.saved };

  await scene.stop(first);

  assert.deepEqual(scene.saved, saved);
  assert.deepEqual([scene.newest.kind, scene.state, scene.newest.pending], ['final', [], []]);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a stop without open parts and without news makes no cut', async () => {
  const { scene, first } = await withOpenParts();
  scene.box.closeOpen();
  await first.virtual.until(() => scene.box.visible.size === 2);
  const cuts = () => scene.box.events.filter((event) => event.startsWith('cut')).length;
  const before = cuts();

  await scene.stop(first);

  assert.equal(cuts(), before);
});

test('an open part that is lost ends the run, which says what it held; the other one is left for later', async () => {
  const scene = await killedWithOpenParts();
  const [, orders] = openNames(scene) as [string, string];
  scene.box.staged.get(orders)?.pop();

  const second = scene.start();
  const error = await failsWith(second.virtual.run(second.run), 'dataLoss', 'OPEN_PARTS_LOST');

  assert.match(error.message, new RegExp(`${orders}: it has 4 records`));
  assert.match(error.help ?? '', /orders\/0 offsets 0 to 4\..*--accept-lost/);
  assert.doesNotMatch(error.help ?? '', /clicks/);
  assert.deepEqual([scene.newest.kind, scene.state.length, scene.box.visible.size], ['claim', 2, 0]);
});

test('a sink without parts that stay open is refused while a slot names some, and loses none of them', async () => {
  const scene = await killedWithOpenParts();

  const older = scene.start({}, { sink: new Box() });
  const error = await failsWith(older.virtual.run(older.run), 'config', 'OPEN_PARTS_UNKNOWN');

  assert.match(error.help ?? '', /SIGTERM/);
  const again = scene.start();
  await again.virtual.advance(3_000);
  await scene.stop(again);
  assert.deepEqual(scene.box.records, scene.queue.all);
});

test('a sink or a store that was moved is refused while parts are open, though nothing is pending', async () => {
  const scene = await killedWithOpenParts();
  const { seq } = scene.newest;

  const otherSink = scene.start({}, { sink: new Box({ identity: 'box:b', staysOpen: true }) });
  await failsWith(otherSink.virtual.run(otherSink.run), 'config', 'SINK_MOVED_WITH_PENDING');
  const otherStore = scene.start({ storeIdentity: 'memory:elsewhere' });
  await failsWith(otherStore.virtual.run(otherStore.run), 'config', 'STORE_MOVED_WITH_PENDING');

  assert.equal(scene.newest.seq, seq);
});

test('a process that dies while it finishes parts leaves copies that the next one discards; what is open is kept', async () => {
  const scene = await killedWithOpenParts();
  const open = openNames(scene);
  scene.box.onFinished = () => new Promise(() => {});
  const second = scene.start();
  await second.virtual.until(() => scene.box.staged.size === 4);
  second.virtual.kill();
  const copies = [...scene.box.staged.keys()].filter((name) => !open.includes(name));
  scene.box.onFinished = () => {};

  const third = scene.start();
  await third.virtual.advance(3_000);

  assert.deepEqual(scene.box.aborted, copies);
  assert.deepEqual([...scene.box.staged.keys()], open, 'older slots still name them');
  assert.deepEqual(scene.box.records, scene.queue.all);
  await scene.stop(third);
});

test('the file of a part that was finished goes once no slot names it as open', async () => {
  const scene = await killedWithOpenParts();
  const open = openNames(scene);
  const second = scene.start();
  for (let i = 0; i < 5; i++) {
    scene.queue.produce('clicks/0', 1);
    await second.virtual.advance(2_000);
  }
  assert.deepEqual(scene.box.aborted, []);

  await second.virtual.advance(600_000);

  assert.deepEqual(scene.box.aborted, open);
  await scene.stop(second);
  assert.deepEqual(scene.box.records, scene.queue.all);
});
