import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parseTemplate } from '../../../connectors/filesink/directories/template.ts';
import type { OutputSettings } from '../../../connectors/filesink/settings.ts';
import { endOpen } from '../../../connectors/formats/end-open.ts';
import { SluiceError } from '../../../core/errors.ts';
import { type BatchSpec, frameOf } from '../../../testing/frames.ts';
import { syncCompressor } from '../../../testing/sync-compressor.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { FakeFiles, type FakePart, SETTINGS, writerOn } from './support/fake-files.ts';

const MIB = 1024 * 1024;
const STAYS_OPEN = { ...SETTINGS.roll, onCheckpoint: false };
const BARRIER = { last: false };

async function benchOf(settings: Partial<OutputSettings> = {}) {
  const files = new FakeFiles();
  const virtual = new VirtualEnv();
  const tuning = { compressorOf: syncCompressor };
  const writer = await writerOn(files, { roll: STAYS_OPEN, ...settings }, tuning, virtual);
  const next = new Map<string, number>();
  /** Writes values to a partition, each one offset further. */
  const write = (split: string, values: string[], keys?: string[]) => {
    const offset = next.get(split) ?? 0;
    next.set(split, offset + values.length);
    const spec: BatchSpec = { split, offset, values, ...(keys === undefined ? {} : { keys }) };
    const frame = frameOf([spec]);
    assert.equal(writer.write(frame, 0), values.length);
    frame.release();
  };
  return { files, virtual, writer, write };
}

test('a part stays open across cuts: each says how much of it is durable, and the last one closes it', async () => {
  const { files, writer, write } = await benchOf();
  write('t/0', ['a', 'b']);
  const first = await writer.cut(BARRIER);
  write('t/0', ['c']);
  write('t/1', ['d']);
  const second = await writer.cut(BARRIER);
  write('t/0', ['e']);
  const last = await writer.cut({ last: true });

  const name = files.parts[0]?.name;
  assert.deepEqual(first.handles, []);
  assert.deepEqual(first.open, [{ place: { name, length: 4 }, covers: { 't/0': [0, 2] }, records: 2 }]);
  assert.deepEqual(second.handles, []);
  assert.deepEqual(second.open, [{ place: { name, length: 8 }, covers: { 't/0': [0, 3], 't/1': [0, 1] }, records: 4 }]);
  assert.deepEqual(last.open, []);
  assert.deepEqual(
    last.handles.map(({ covers, records, bytes }) => ({ covers, records, bytes })),
    [{ covers: { 't/0': [0, 4], 't/1': [0, 1] }, records: 5, bytes: 10 }],
  );
  assert.equal(files.parts.length, 1);
});

test('what is written while a cut makes parts durable is not in it', async () => {
  const { files, writer, write } = await benchOf();
  const gate = Promise.withResolvers<void>();
  files.gate = (call) => (call.startsWith('append') ? gate.promise : undefined);
  write('t/0', ['a']);
  const cut = writer.cut(BARRIER);
  write('t/0', ['b', 'c']);
  gate.resolve();

  const { open = [] } = await cut;

  assert.deepEqual(open, [{ place: { name: files.parts[0]?.name, length: 2 }, covers: { 't/0': [0, 1] }, records: 1 }]);
  await writer.cut({ last: true });
  assert.equal(files.parts[0]?.text, 'a\nb\nc\n');
});

test('a part that nothing was added to is not made durable again', async () => {
  const { files, writer, write } = await benchOf({ directory: parseTemplate('{topic}/{key}') });
  write('t/0', ['1', '2'], ['a', 'b']);
  const first = await writer.cut(BARRIER);
  write('t/0', ['3'], ['b']);
  files.calls.length = 0;
  const second = await writer.cut(BARRIER);

  assert.deepEqual(
    files.calls.filter((call) => call.startsWith('persist')),
    ['persist t/b'],
  );
  assert.deepEqual(second.open?.[0], first.open?.[0]);
  assert.notDeepEqual(second.open?.[1], first.open?.[1]);
});

test('a part that is full, old or one too many is closed, asks for a cut and goes with it', async () => {
  const cases: [Partial<OutputSettings>, (bench: Awaited<ReturnType<typeof benchOf>>) => unknown][] = [
    [{ roll: { ...STAYS_OPEN, records: 2 } }, ({ write }) => write('t/0', ['b'])],
    [{ roll: { ...STAYS_OPEN, bytes: 4 } }, ({ write }) => write('t/0', ['b'])],
    [{ roll: { ...STAYS_OPEN, age: 1_000 } }, ({ virtual }) => virtual.advance(1_000)],
    [{ roll: { ...STAYS_OPEN, idle: 1_000 } }, ({ virtual }) => virtual.advance(1_000)],
    [{ maxOpenParts: 1 }, ({ write }) => write('u/0', ['b'])],
  ];
  for (const [settings, close] of cases) {
    const bench = await benchOf(settings);
    bench.write('t/0', ['a']);
    await bench.writer.cut(BARRIER);
    assert.equal(bench.files.calls.includes('wants a cut'), false, JSON.stringify(settings));

    await close(bench);

    assert.ok(bench.files.calls.includes('wants a cut'), JSON.stringify(settings));
    const { handles, open = [] } = await bench.writer.cut(BARRIER);
    assert.deepEqual(
      handles.map(({ payload }) => payload),
      [bench.files.parts[0]?.name],
    );
    assert.equal(open.length, bench.files.parts.length - 1);
  }
});

test('what a cut recorded of a compressed file is whole by itself', async () => {
  const unpack = { gzip: gunzipSync, zstd: zstdDecompressSync };
  for (const type of ['gzip', 'zstd'] as const) {
    const { files, writer, write } = await benchOf({ compression: { type, level: 1 } });
    write('t/0', ['a', 'b']);
    const { open = [] } = await writer.cut(BARRIER);
    write('t/0', ['c']);
    await writer.cut({ last: true });

    const whole = Buffer.from(files.parts[0]?.text ?? '', 'latin1');
    const length = open[0]?.place.length ?? 0;
    assert.ok(length > 0 && length < whole.length);
    assert.equal(unpack[type](whole.subarray(0, length)).toString(), 'a\nb\n');
    assert.equal(unpack[type](whole.subarray(length)).toString(), 'c\n');
  }
});

const PARQUET = {
  format: 'parquet' as const,
  columns: [{ field: 'n', type: 'int32' }],
  parquet: { rowGroupBytes: 4_000, compression: 'none' as const },
};

test('a cut does not end row groups: what is missing of the file is kept beside it, and is no part of its size', async () => {
  const { files, writer, write } = await benchOf({ ...PARQUET, roll: { ...STAYS_OPEN, bytes: 6_000 } });
  // Long records, and little of them in the file.
  const values = Array.from({ length: 20 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(1_000) }));
  write('t/0', values);
  const first = await writer.cut(BARRIER);
  write('t/0', values);
  const second = await writer.cut(BARRIER);

  const [part] = files.parts;
  assert.equal(part?.text, '');
  assert.deepEqual([first.open?.[0]?.place.length, second.open?.[0]?.place.length], [0, 0]);
  assert.deepEqual([files.calls.includes('wants a cut'), part?.replaced], [false, 0]);
  const beside = Buffer.concat(part?.beside ?? []);
  assert.ok(beside.length > 40_000);
  const rest = await endOpen(Readable.from([beside]), 0);
  const { handles } = await writer.cut({ last: true });
  assert.equal(Buffer.concat(rest).toString('latin1'), part?.text, 'the same file as the writer makes');
  assert.equal(handles.length, 1);
});

const fileOf = async ({ beside }: FakePart) =>
  Buffer.concat(await endOpen(Readable.from([Buffer.concat(beside)]), 0)).toString('latin1');

test('what is kept beside a file does not wait for a cut when it is much', async () => {
  const { files, writer, write } = await benchOf(PARQUET);
  const values = Array.from({ length: 6 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(MIB) }));
  write('t/0', values);
  await setImmediate();
  assert.deepEqual(
    files.calls.filter((call) => call.startsWith('keep')),
    ['keep t'],
  );
  await writer.cut(BARRIER);

  const [part] = files.parts as [FakePart];
  const rest = await fileOf(part);
  await writer.cut({ last: true });
  assert.equal(rest, part.text);
});

test('where memory is short, what is kept beside files goes on its way before row groups end', async () => {
  const { files, writer, write } = await benchOf(PARQUET);
  const values = Array.from({ length: 3 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(MIB) }));
  for (let topic = 0; topic < 8; topic++) {
    write(`t${topic}/0`, values);
    await writer.ready({ signal: new AbortController().signal });
    await setImmediate();
  }
  assert.ok(files.calls.some((call) => call.startsWith('keep')));
  await writer.cut(BARRIER);

  const rests = await Promise.all(files.parts.map(fileOf));
  assert.deepEqual(
    files.parts.map(({ text }) => text),
    Array(8).fill(''),
    'no row group has ended',
  );
  await writer.cut({ last: true });
  assert.deepEqual(
    files.parts.map(({ text }) => text),
    rests,
  );
});

test('what waits to be kept beside a file makes the writer full', async () => {
  const { files, writer, write } = await benchOf(PARQUET);
  const gate = Promise.withResolvers<void>();
  files.gate = (call) => (call.startsWith('persist') ? gate.promise : undefined);
  const values = Array.from({ length: 3 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(MIB) }));
  for (const topic of ['t', 'u', 'v']) write(`${topic}/0`, values);
  assert.equal(writer.isFull, false);

  const cut = writer.cut(BARRIER);

  assert.equal(writer.isFull, true);
  gate.resolve();
  await cut;
  assert.equal(writer.isFull, false);
  await writer[Symbol.asyncDispose]();
});

test('a part that cannot be made durable fails the cut and everything after it', async () => {
  const { files, writer, write } = await benchOf({ directory: parseTemplate('{topic}/{key}') });
  const failure = new SluiceError('unavailable', 'NO_ROOM', { message: 'no room' });
  files.gate = (call) => {
    if (call === 'persist t/a') throw failure;
  };
  write('t/0', ['1', '2'], ['a', 'b']);

  await assert.rejects(writer.cut(BARRIER), failure);
  assert.throws(() => write('t/0', ['3'], ['b']), failure);
  await assert.rejects(writer.cut({ last: true }), failure);
  await writer[Symbol.asyncDispose]();
  assert.deepEqual(
    files.parts.map(({ state }) => state),
    ['disposed', 'disposed'],
  );
});
