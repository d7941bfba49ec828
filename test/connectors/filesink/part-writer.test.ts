import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PartWriter } from '../../../connectors/filesink/part-writer.ts';
import { SluiceError } from '../../../core/errors.ts';
import { type BatchSpec, frameOf } from '../../../testing/frames.ts';
import { syncCompressor } from '../../../testing/sync-compressor.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { FakeFiles, SETTINGS, writerOn } from './support/fake-files.ts';

const never = new AbortController().signal;
const KiB = 1024;
const MiB = 1024 * KiB;

function write(writer: PartWriter<string>, ...specs: BatchSpec[]) {
  const frame = frameOf(specs);
  const taken = writer.write(frame, 0);
  frame.release();
  return { frame, taken };
}

test('parts are named by owner, epoch and a counter, in a directory per group', async () => {
  const files = new FakeFiles();
  const writer = await writerOn(files);

  write(writer, { split: 'a/0', values: ['1'] }, { split: '_b/0', values: ['2'] });
  await writer.cut({ last: false });
  write(writer, { split: 'a/0', values: ['3'] });
  await writer.cut({ last: false });

  assert.deepEqual(
    files.parts.map(({ directory, name }) => `${directory}/${name}`),
    [
      'a/p-0123456789abcdef-l1s0-000000000003-00000000.ndjson',
      '%5Fb/p-0123456789abcdef-l1s0-000000000003-00000001.ndjson',
      'a/p-0123456789abcdef-l1s0-000000000003-00000002.ndjson',
    ],
  );
});

test('a part rolls with the record that reaches its size, and the handle goes with the next cut', async () => {
  const files = new FakeFiles();
  const byRecords = await writerOn(files, { roll: { onCheckpoint: true, bytes: Number.MAX_SAFE_INTEGER, records: 2 } });

  write(byRecords, { split: 'a/0', values: ['1', '2', '3', '4', '5'] });
  const { handles } = await byRecords.cut({ last: false });

  assert.deepEqual(
    files.parts.map(({ text }) => text),
    ['1\n2\n', '3\n4\n', '5\n'],
  );
  assert.deepEqual(
    handles.map(({ covers, records, bytes }) => ({ covers, records, bytes })),
    [
      { covers: { 'a/0': [0, 2] }, records: 2, bytes: 4 },
      { covers: { 'a/0': [2, 4] }, records: 2, bytes: 4 },
      { covers: { 'a/0': [4, 5] }, records: 1, bytes: 2 },
    ],
  );

  const files2 = new FakeFiles();
  const byBytes = await writerOn(files2, { roll: { onCheckpoint: true, bytes: 5, records: Number.MAX_SAFE_INTEGER } });
  write(byBytes, { split: 'a/0', values: ['11', '22', '33'] });
  await byBytes.cut({ last: false });
  assert.deepEqual(
    files2.parts.map(({ text }) => text),
    ['11\n22\n', '33\n'],
  );
});

test('a rolled part is staged without waiting for the cut', async () => {
  const files = new FakeFiles();
  const writer = await writerOn(files, { roll: { onCheckpoint: true, bytes: Number.MAX_SAFE_INTEGER, records: 1 } });

  write(writer, { split: 'a/0', values: ['1'] });
  await until(() => files.parts[0]?.state === 'staged');

  assert.equal((await writer.cut({ last: false })).handles.length, 1);
  assert.equal((await writer.cut({ last: false })).handles.length, 0, 'a handle is given once');
});

test('one open part more closes the least recently written one', async () => {
  const files = new FakeFiles();
  const writer = await writerOn(files, { maxOpenParts: 2 });

  write(writer, { split: 'a/0', values: ['1'] });
  write(writer, { split: 'b/0', values: ['2'] });
  write(writer, { split: 'a/0', offset: 1, values: ['3'] });
  write(writer, { split: 'c/0', values: ['4'] });
  await until(() => files.parts.some(({ state }) => state === 'staged'));

  assert.deepEqual(
    files.parts.filter(({ state }) => state === 'staged').map(({ directory }) => directory),
    ['b'],
  );
  assert.equal((await writer.cut({ last: false })).handles.length, 3);
});

test('the next parts fill while the parts of a cut are being staged', async () => {
  const files = new FakeFiles();
  const { promise: slowDisk, resolve: letGo } = Promise.withResolvers<void>();
  let closes = 0;
  files.gate = (call) => (call.startsWith('close') && closes++ === 0 ? slowDisk : undefined);
  const writer = await writerOn(files);
  write(writer, { split: 'a/0', values: ['1'] });

  const first = writer.cut({ last: false });
  write(writer, { split: 'a/0', offset: 1, values: ['2'] });
  const second = await writer.cut({ last: false });

  assert.deepEqual(second.handles[0]?.covers, { 'a/0': [1, 2] });
  letGo();
  assert.deepEqual((await first).handles[0]?.covers, { 'a/0': [0, 1] });
});

test('what waits for a slow file goes out in large writes, in order', async () => {
  const files = new FakeFiles();
  const { promise: slowDisk, resolve: letGo } = Promise.withResolvers<void>();
  files.gate = (call) => (call.startsWith('open') ? slowDisk : undefined);
  const writer = await writerOn(files);

  for (let offset = 0; offset < 100; offset++) write(writer, { split: 'a/0', offset, values: [`${offset}`] });
  letGo();
  const { handles } = await writer.cut({ last: false });

  assert.deepEqual(handles[0]?.covers, { 'a/0': [0, 100] });
  assert.equal(files.parts[0]?.appends, 1);
  assert.equal(files.parts[0]?.text, Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''));
});

test('one slow part holds up no other', async () => {
  const files = new FakeFiles();
  const { promise: slowDisk, resolve: letGo } = Promise.withResolvers<void>();
  files.gate = (call) => (call === 'append a' ? slowDisk : undefined);
  const writer = await writerOn(files);

  write(writer, { split: 'a/0', values: ['1'] }, { split: 'b/0', values: ['2'] });

  await until(() => files.parts.some(({ directory, text }) => directory === 'b' && text === '2\n'));
  letGo();
  assert.equal((await writer.cut({ last: false })).handles.length, 2);
});

test('about 8 MiB are in flight at most, and every write makes room', async () => {
  const files = new FakeFiles();
  const gates: (() => void)[] = [];
  files.gate = (call) => (call.startsWith('append') ? new Promise<void>((resolve) => gates.push(resolve)) : undefined);
  const writer = await writerOn(files);
  const value = `"${'x'.repeat(64 * KiB - 3)}"`;
  const frame = frameOf([{ split: 'a/0', values: Array(400).fill(value) }]);

  const taken = writer.write(frame, 0);
  assert.ok(taken * 64 * KiB >= 8 * MiB && taken * 64 * KiB < 9 * MiB, `${taken} values of 64 KiB`);
  let isReady = false;
  const ready = writer.ready({ signal: never }).then(() => {
    isReady = true;
  });
  await until(() => gates.length > 0);
  assert.equal(isReady, false);
  gates.shift()?.();
  await ready;

  assert.ok(writer.write(frame, taken) > taken);
  files.gate = () => {};
  for (const open of gates.splice(0)) open();
  await writer.cut({ last: false });
  frame.release();
});

test('tiny ranges of many frames are bounded, too', async () => {
  const files = new FakeFiles();
  const { promise: slowDisk, resolve: letGo } = Promise.withResolvers<void>();
  files.gate = () => slowDisk;
  const writer = await writerOn(files);

  let frames = 0;
  while (frames < 100_000 && write(writer, { split: 'a/0', offset: frames, values: ['1'] }).taken === 1) frames++;

  assert.ok(frames < 10_000, `${frames} frames held`);
  letGo();
  await writer.ready({ signal: never });
  await writer.cut({ last: false });
});

test('a part is closed so long after it was begun, whatever is written to it meanwhile', async () => {
  const files = new FakeFiles();
  const virtual = new VirtualEnv();
  const writer = await writerOn(files, { roll: { ...SETTINGS.roll, age: 1_000 } }, undefined, virtual);

  for (let offset = 0; offset < 5; offset++) {
    write(writer, { split: 'a/0', offset, values: [String(offset)] });
    await virtual.advance(400);
  }
  const { handles } = await virtual.run(writer.cut({ last: false }));

  assert.deepEqual(
    handles.map(({ covers }) => covers),
    [{ 'a/0': [0, 3] }, { 'a/0': [3, 5] }],
  );
});

test('a part is closed once nothing was written to it for so long, and only that one', async () => {
  const files = new FakeFiles();
  const virtual = new VirtualEnv();
  const writer = await writerOn(files, { roll: { ...SETTINGS.roll, idle: 1_000 } }, undefined, virtual);

  write(writer, { split: 'a/0', values: ['1'] }, { split: 'b/0', values: ['1'] });
  for (let offset = 1; offset < 5; offset++) {
    await virtual.advance(700);
    write(writer, { split: 'a/0', offset, values: [String(offset)] });
  }

  assert.deepEqual(
    files.parts.map(({ directory, state }) => [directory, state]),
    [
      ['a', 'open'],
      ['b', 'staged'],
    ],
  );
  write(writer, { split: 'b/0', offset: 1, values: ['2'] });
  const { handles } = await virtual.run(writer.cut({ last: false }));
  assert.deepEqual(
    handles.map(({ records }) => records),
    [1, 5, 1],
  );
});

test('with compression a file is closed by its size on disk, not by what it was given', async () => {
  const files = new FakeFiles();
  const compression = { type: 'gzip', level: 6 } as const;
  const roll = { ...SETTINGS.roll, bytes: 1.5 * MiB };
  const writer = await writerOn(files, { compression, roll }, { compressorOf: syncCompressor });
  const value = JSON.stringify('x'.repeat(100 * KiB));

  for (let offset = 0; offset < 60; offset++) {
    await writer.ready({ signal: never });
    write(writer, { split: 'a/0', offset, values: [value] });
    await nextTurn(); // what was given is compressed meanwhile
  }
  const { handles } = await writer.cut({ last: false });

  assert.equal(handles.length, 1, '6 MiB that are some KiB on disk');
  assert.equal(handles[0]?.bytes, files.parts[0]?.text.length);
});

test('small limits make a writer take a frame piece by piece', async () => {
  const files = new FakeFiles();
  const writer = await writerOn(files, {}, { rangeBytesMax: 1, inFlightRangesMax: 2 });
  const frame = frameOf([{ split: 'a/0', values: ['1', '2', '3', '4', '5'] }]);

  const taken = [0];
  while (taken.at(-1) !== frame.count) {
    await writer.ready({ signal: never });
    taken.push(writer.write(frame, taken.at(-1) as number));
  }
  frame.release();
  await writer.cut({ last: false });

  assert.deepEqual(taken, [0, 2, 4, 5]);
  assert.equal(files.parts[0]?.text, '1\n2\n3\n4\n5\n');
});

test('one failed write stops everything: later calls throw it, no part goes on, all memory is given back', async () => {
  const files = new FakeFiles();
  const failure = new SluiceError('unavailable', 'FULL', { message: 'full' });
  const writer = await writerOn(files);
  files.gate = (call) => {
    if (call === 'append b') throw failure;
  };
  const { frame } = write(writer, { split: 'a/0', values: ['1'] }, { split: 'b/0', values: ['2'] });

  await assert.rejects(writer.cut({ last: false }), failure);

  assert.throws(() => write(writer, { split: 'a/0', offset: 1, values: ['3'] }), failure);
  await assert.rejects(writer.ready({ signal: never }), failure);
  await assert.rejects(writer.cut({ last: false }), failure);
  await writer[Symbol.asyncDispose]();
  assert.ok(frame.isRecycled);
  assert.ok(files.parts.every(({ state }) => state !== 'open'));
});

test('a failed open and a failed close are failures like any other', async () => {
  for (const verb of ['open', 'close']) {
    const files = new FakeFiles();
    const writer = await writerOn(files);
    files.gate = (call) => {
      if (call.startsWith(verb)) throw new SluiceError('rejected', 'REFUSED', { message: verb });
    };
    const { frame } = write(writer, { split: 'a/0', values: ['1'] });

    await assert.rejects(writer.cut({ last: false }), { code: 'REFUSED' });

    assert.throws(() => write(writer, { split: 'a/0', offset: 1, values: ['2'] }), { code: 'REFUSED' });
    assert.ok(frame.isRecycled);
  }
});

test('a failure wakes whoever waits for room', async () => {
  const files = new FakeFiles();
  const { promise: slowDisk, reject: fail } = Promise.withResolvers<void>();
  files.gate = (call) => (call.startsWith('append') ? slowDisk : undefined);
  const writer = await writerOn(files);
  const frame = frameOf([{ split: 'a/0', values: Array(400).fill(`"${'x'.repeat(64 * KiB)}"`) }]);
  writer.write(frame, 0);
  frame.release();

  const ready = writer.ready({ signal: never });
  fail(new SluiceError('unavailable', 'FULL', { message: 'full' }));

  await assert.rejects(ready, { code: 'FULL' });
});

test('closing waits for the write in hand, because its memory is still in use', async () => {
  const files = new FakeFiles();
  const { promise: slowDisk, resolve: letGo } = Promise.withResolvers<void>();
  files.gate = (call) => (call.startsWith('append') ? slowDisk : undefined);
  const writer = await writerOn(files);
  const { frame } = write(writer, { split: 'a/0', values: ['1'] });
  await until(() => files.calls.includes('append a'));

  const closed = writer[Symbol.asyncDispose]();
  await Promise.resolve();
  assert.equal(frame.isRecycled, false);
  letGo();
  await closed;

  assert.ok(frame.isRecycled);
  assert.equal(files.parts[0]?.state, 'disposed');
});

test('skipped nulls open no part, and a cover spans those between records', async () => {
  const files = new FakeFiles();
  const writer = await writerOn(files);

  const { taken } = write(writer, { split: 'a/0', values: [null, null] });
  assert.equal(taken, 2);
  assert.equal((await writer.cut({ last: false })).handles.length, 0);
  write(writer, { split: 'a/0', offset: 2, values: ['1', null, '2'] });

  assert.deepEqual((await writer.cut({ last: false })).handles[0]?.covers, { 'a/0': [2, 5] });
});

/** Waits until a condition holds that only needs the event loop to turn. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < 1000, 'the condition holds within 1000 turns');
    await new Promise(setImmediate);
  }
}
