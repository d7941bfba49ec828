import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type OpenFileState, openFileStates } from '../../../connectors/file/handle.ts';
import { fileSettings } from '../../../connectors/file/settings.ts';
import { FileSink } from '../../../connectors/file/sink.ts';
import { STAGING } from '../../../connectors/file/staging.ts';
import { parsePartName } from '../../../connectors/filesink/part-name.ts';
import { columnSettings, columnsOf } from '../../../connectors/formats/columns.ts';
import type { PendingHandle } from '../../../core/contract/sink.ts';
import { OWNER, SinkRun } from '../../../testing/conformance/sink-run.ts';
import { MemoryDisk } from '../../../testing/memory-disk.ts';
import { type FileSystemHooks, MemoryFileSystem } from '../../../testing/memory-file-system.ts';
import { waitFor } from '../../services/wait.ts';
import { readWithHyparquet } from '../formats/parquet/readers.ts';

const COLUMNS = [{ field: 'id', type: 'string' }];
const ROOT = '/out';
/** Some of these make a row group of the smallest size. */
const ID_CHARS = 1_000;

const parquetInput = { type: 'file', path: ROOT, format: 'parquet', columns: COLUMNS, roll: { onCheckpoint: false } };
const parquet = fileSettings.parse({
  ...parquetInput,
  parquet: { rowGroupBytes: '64KiB', compression: 'none' },
});
/** What a pipeline may be set to when it ends files of the one before. */
const ndjson = fileSettings.parse({ type: 'file', path: ROOT });

const sinkOn = (
  disk: MemoryDisk,
  { settings = parquet, hooks }: { settings?: typeof parquet; hooks?: FileSystemHooks } = {},
) => new FileSink({ root: ROOT, settings, fs: new MemoryFileSystem(disk, hooks) });

type Sink = ReturnType<typeof sinkOn>;
type Run = Awaited<ReturnType<typeof SinkRun.start<Parameters<Sink['handles']['encode']>[0]>>>;

const start = (sink: Sink, epoch: number): Promise<Run> => SinkRun.start(sink as never, { epoch });

const idOf = (topic: string, n: number) => `${topic}${n}-`.padEnd(ID_CHARS, `${n * 7919}`);

async function write(run: Run, topic: string, first: number, count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, i) => JSON.stringify({ id: idOf(topic, first + i) }));
  await run.write({ split: `${topic}/0`, offset: first, values });
}

/** The states of a cut, as a slot keeps them. */
async function cut(run: Run, number: number): Promise<OpenFileState[]> {
  const { handles, open = [] } = await run.writer.cut({ number, last: false });
  assert.deepEqual(handles, []);
  const { version, encode, decode } = openFileStates;
  return open.map((state) => decode(version, JSON.parse(JSON.stringify(encode(state as OpenFileState)))));
}

/** Makes visible what another incarnation has recorded. */
async function finish(sink: Sink, states: OpenFileState[], epoch: number): Promise<void> {
  await using run = await start(sink, epoch);
  const finished = (await run.session.finishOpen?.(states as never[])) ?? [];
  const handles = finished.map((part) => {
    if (part.kind === 'lost') assert.fail(part.why);
    return { ...part.handle, id: part.handle.payload.staged, sink: 'main' as const, seq: 1, epoch };
  });
  const verdicts = await run.commit(handles);
  assert.ok(verdicts.every(({ kind }) => kind === 'committed'));
}

async function idsOf(disk: MemoryDisk, topic: string): Promise<unknown[]> {
  const columns = columnsOf({ columns: columnSettings.columns.unwrap().parse(COLUMNS) });
  const files = [...disk.filesBelow(`${ROOT}/${topic}`).values()];
  const rows = await Promise.all(files.map((bytes) => readWithHyparquet(Buffer.from(bytes), columns)));
  return rows.flat().map(([id]) => id);
}

const journalsOn = (disk: MemoryDisk) =>
  [...disk.filesBelow(`${ROOT}/${STAGING}`).keys()].filter((name) => parsePartName(name)?.extension === 'journal');

test('property: whatever a power loss keeps of an open Parquet file, the records of the last cut become visible', async () => {
  const step = fc.oneof(
    fc.record({ topic: fc.constantFrom('a', 'b'), count: fc.integer({ min: 1, max: 90 }) }),
    fc.constant('cut' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 10 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
      fc.constantFrom(parquet, ndjson),
      async (steps, random, settings) => {
        const disk = new MemoryDisk();
        const written: Record<string, number> = { a: 0, b: 0 };
        let durable = { ...written };
        let states: OpenFileState[] = [];
        await using run = await start(sinkOn(disk), 1);
        for (const [number, one] of steps.entries()) {
          if (one === 'cut') {
            states = await cut(run, number);
            durable = { ...written };
            continue;
          }
          await write(run, one.topic, written[one.topic] ?? 0, one.count);
          written[one.topic] = (written[one.topic] ?? 0) + one.count;
        }

        const after = disk.powerLoss(() => random.next().value);
        await finish(sinkOn(after, { settings }), states, 2);

        for (const topic of ['a', 'b']) {
          const ids = Array.from({ length: durable[topic] ?? 0 }, (_, n) => idOf(topic, n));
          assert.deepEqual(await idsOf(after, topic), ids);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('what of a journal was kept before a cut is durable with it', async () => {
  const settings = fileSettings.parse({ ...parquetInput, parquet: { rowGroupBytes: '64MiB', compression: 'none' } });
  const disk = new MemoryDisk();
  await using run = await start(sinkOn(disk, { settings }), 1);
  const ids = Array.from({ length: 5 }, (_, n) => `${n}`.padEnd(1024 * 1024, 'x'));
  await run.write({ split: 'a/0', values: ids.map((id) => JSON.stringify({ id })) });
  await waitFor(() => journalsOn(disk).length === 1, { what: 'a journal before the cut' });
  const states = await cut(run, 1);

  const after = disk.powerLoss();
  await finish(sinkOn(after), states, 2);

  assert.deepEqual(await idsOf(after, 'a'), ids);
});

test('a sweep keeps the journals that a slot names and those on their way into the next one, and no others', async () => {
  const disk = new MemoryDisk();
  await using run = await start(sinkOn(disk), 1);
  const sweep = (open: OpenFileState[], epochBelow = 1) =>
    run.session.committer.abortOrphans({ ...OWNER, epochBelow }, { handles: [], open: open as never[] }, {});
  const named = (states: OpenFileState[]) => states.map(({ place }) => basename(place.journal?.staged ?? ''));

  await write(run, 'a', 0, 10);
  await write(run, 'b', 0, 10);
  const first = await cut(run, 1);
  await write(run, 'a', 10, 200);
  const second = await cut(run, 2);
  assert.equal(journalsOn(disk).length, 3, 'row groups of a are complete, and its journal has begun anew');

  await sweep(first);
  assert.equal(journalsOn(disk).length, 3);
  await sweep([]);
  assert.equal(journalsOn(disk).length, 3);
  await sweep(second);
  assert.equal(journalsOn(disk).length, 3, 'the second slot may not be durable yet');
  await write(run, 'b', 10, 1);
  const third = await cut(run, 3);
  const { aborted } = await sweep(third);
  assert.deepEqual(aborted, [], 'no crash has left it behind');
  assert.deepEqual(journalsOn(disk).sort(), named(third).sort());

  // Of a later incarnation, which keeps what it has to finish.
  await sweep(third, 2);
  assert.deepEqual(journalsOn(disk).sort(), named(third).sort());
  await finish(sinkOn(disk), third, 2);
  assert.equal((await idsOf(disk, 'a')).length, 210);
  await sweep([], 3);
  assert.deepEqual(journalsOn(disk), []);
});

test('a journal that is gone or shorter than recorded is a loss that names the file and why', async () => {
  for (const [lose, why] of [
    [(fs: MemoryFileSystem, path: string) => fs.unlink(path), /journal is gone/],
    [
      async (fs: MemoryFileSystem, path: string) => {
        const bytes = await fs.read(path);
        await fs.unlink(path);
        const file = await fs.create(path);
        await file.write([bytes.subarray(0, 100)]);
      },
      /journal has 100 bytes instead of/,
    ],
  ] as const) {
    const disk = new MemoryDisk();
    await using run = await start(sinkOn(disk), 1);
    await write(run, 'a', 0, 10);
    const states = await cut(run, 1);
    const { staged = '', journal } = states[0]?.place ?? {};
    await lose(new MemoryFileSystem(disk), journal?.staged ?? '');

    await using next = await start(sinkOn(disk), 2);
    const [finished] = (await next.session.finishOpen?.(states as never[])) ?? [];

    assert.ok(finished?.kind === 'lost' && why.test(finished.why), JSON.stringify(finished));
    assert.equal(finished.place, staged);
  }
});

test('everything that was opened for an open Parquet file is closed, however it ends', async () => {
  for (const ending of ['closed', 'given up'] as const) {
    const open = new Map<string, number>();
    const count = (path: string, change: number) => open.set(path, (open.get(path) ?? 0) + change);
    const hooks: FileSystemHooks = {
      after: ({ verb, path }) => {
        if (verb === 'create') count(path, 1);
        if (verb === 'close') count(path, -1);
      },
    };
    const disk = new MemoryDisk();
    {
      await using run = await start(sinkOn(disk, { hooks }), 1);
      await write(run, 'a', 0, 10);
      await cut(run, 1);
      await write(run, 'a', 10, 200);
      await cut(run, 2);
      if (ending === 'closed') {
        const { handles } = await run.writer.cut({ number: 3, last: true });
        await run.commit(handles.map((handle) => ({ ...handle, id: 'a' })) as unknown as PendingHandle<never>[]);
        assert.equal((await idsOf(disk, 'a')).length, 210);
      }
    }
    const staged = [...open].filter(([path]) => path.includes(STAGING));
    assert.equal(staged.length, 3);
    assert.ok(
      staged.every(([, left]) => left === 0),
      JSON.stringify(staged),
    );
  }
});

test('states of before there were journals are read', () => {
  const { version, encode, decode } = openFileStates;
  const state: OpenFileState = {
    place: { staged: '/s', final: '/f', bytes: 3 },
    covers: { 't/0': [0, 1] },
    records: 1,
  };

  assert.deepEqual(encode(state), JSON.parse(JSON.stringify(state)));
  assert.deepEqual(decode(version, encode(state)), state);
});
