import assert from 'node:assert/strict';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Directories } from '../../../connectors/file/directories.ts';
import { type FileSystem, writeAll } from '../../../connectors/file/file-system.ts';
import type { FileHandle } from '../../../connectors/file/handle.ts';
import { nodeFileSystem } from '../../../connectors/file/node-file-system.ts';
import { fileSettings } from '../../../connectors/file/settings.ts';
import { FileSink } from '../../../connectors/file/sink.ts';
import { STAGING, Staging } from '../../../connectors/file/staging.ts';
import { formatPartName, PartNames } from '../../../connectors/filesink/part-name.ts';
import { OWNER, SinkRun } from '../../../testing/conformance/sink-run.ts';
import { fileSystemError, MemoryDisk } from '../../../testing/memory-disk.ts';
import { type FileSystemHooks, MemoryFileSystem } from '../../../testing/memory-file-system.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

const MIB = 1024 * 1024;
const nameOf = (epoch: number, extension = 'csv.zst') => formatPartName({ ...OWNER, epoch, counter: 0, extension });

/** Bytes that tell where they stand. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE(at, at);
  return bytes;
}

/** A later incarnation, and a file with `actual` bytes that an earlier one had open. */
async function finishing(fs: FileSystem, root: string, actual: number | undefined) {
  const controller = new AbortController();
  const directories = new Directories(fs);
  const staged = join(root, STAGING, nameOf(3));
  if (actual !== undefined) {
    await directories.ensure(dirname(staged));
    await put(fs, staged, pattern(actual));
    await fs.syncDirectory(dirname(staged));
  }
  const names = new PartNames({ ...OWNER, epoch: 5 });
  const staging = new Staging({ root, fs, directories, names, signal: controller.signal });
  const place: FileHandle = { staged, final: join(root, 't', 'day=1', nameOf(3)), bytes: 0 };
  const finish = (bytes: number) => staging.finish({ ...place, bytes });
  return { controller, place, finish };
}

async function put(fs: FileSystem, path: string, bytes: Buffer): Promise<void> {
  const file = await fs.create(path);
  await writeAll(file, [bytes]);
  await file.sync();
  await file.close();
}

/** Both file systems, each with an empty root. */
const places = async (t: TestContext): Promise<[FileSystem, string][]> => {
  const [memory, root] = [new MemoryFileSystem(new MemoryDisk()), await temporaryDirectory(t)];
  await memory.mkdir('/out');
  return [
    [memory, '/out'],
    [nodeFileSystem, root],
  ];
};

test('a copy holds what was recorded, under a new name for the same directory; the file itself is left alone', async (t) => {
  for (const [fs, base] of await places(t)) {
    for (const recorded of [1, MIB - 1, MIB, MIB + 1, 2 * MIB + 5]) {
      for (const more of [0, 1, MIB]) {
        const root = join(base, `${recorded}+${more}`);
        await fs.mkdir(root);
        const { place, finish } = await finishing(fs, root, recorded + more);

        const ended = await finish(recorded);

        const name = nameOf(5);
        const payload = { staged: join(root, STAGING, name), final: join(root, 't', 'day=1', name), bytes: recorded };
        assert.deepEqual(ended, { kind: 'staged', payload, bytes: recorded });
        assert.ok(
          pattern(recorded + more)
            .subarray(0, recorded)
            .equals(await fs.read(payload.staged)),
          root,
        );
        assert.ok(pattern(recorded + more).equals(await fs.read(place.staged)), root);
        assert.equal((await fs.stat(dirname(payload.final)))?.kind, 'directory');
      }
    }
  }
});

test('what is not all there is lost, and said to be gone or too short', async (t) => {
  for (const [fs, base] of await places(t)) {
    for (const [actual, recorded, why] of [
      [undefined, 1, 'it is gone, or empty'],
      [9, 10, 'it has 9 bytes instead of 10'],
      [MIB, MIB + 1, `it has ${MIB} bytes instead of ${MIB + 1}`],
      [MIB + 7, 3 * MIB, `it has ${MIB + 7} bytes instead of ${3 * MIB}`],
    ] as const) {
      const root = join(base, `${actual} of ${recorded}`);
      await fs.mkdir(root);
      const { place, finish } = await finishing(fs, root, actual);

      assert.deepEqual(await finish(recorded), { kind: 'lost', place: place.staged, why });
    }
  }
});

test('a file that only cannot be read now is not lost', async () => {
  for (const [code, expected] of [
    ['EIO', { kind: 'rejected' }],
    ['EACCES', { kind: 'rejected' }],
    ['ESTALE', { kind: 'unavailable' }],
  ] as const) {
    const hooks: FileSystemHooks = {
      before: ({ verb, path }) => {
        if (verb === 'readRange') throw fileSystemError(code, path);
      },
    };
    const fs = new MemoryFileSystem(new MemoryDisk(), hooks);
    const { finish } = await finishing(fs, '/', 10);

    await assert.rejects(finish(10), expected, code);
  }
});

test('a copy is durable with its name and its directories before a slot can name it', async () => {
  const disk = new MemoryDisk();
  const { finish } = await finishing(new MemoryFileSystem(disk), '/', 3 * MIB);

  const ended = await finish(2 * MIB);

  assert.equal(ended.kind, 'staged');
  const after = disk.powerLoss();
  assert.deepEqual(after.filesBelow(`/${STAGING}`).get(nameOf(5)), pattern(2 * MIB));
  assert.equal(after.find('/t/day=1')?.kind, 'directory');
});

test('a copy reads a bounded piece at a time, stops when the incarnation is over, and closes what it had begun', async () => {
  const calls: string[] = [];
  const hooks: FileSystemHooks = {
    after: ({ verb, path }) => {
      if (basename(path) === nameOf(5) || verb === 'readRange') calls.push(verb);
      if (calls.filter((call) => call === 'readRange').length === 2) controller.abort(new Error('it is over'));
    },
  };
  const { controller, finish } = await finishing(new MemoryFileSystem(new MemoryDisk(), hooks), '/', 3 * MIB);

  await assert.rejects(finish(3 * MIB), /it is over/);

  assert.deepEqual(calls, ['create', 'readRange', 'write', 'readRange', 'write', 'close']);
});

test('the copy of a lost file is closed', async () => {
  const calls: string[] = [];
  const hooks: FileSystemHooks = { after: ({ verb, path }) => void (basename(path) === nameOf(5) && calls.push(verb)) };
  const { finish } = await finishing(new MemoryFileSystem(new MemoryDisk(), hooks), '/', 1);

  assert.equal((await finish(2)).kind, 'lost');

  assert.deepEqual(calls, ['create', 'write', 'close']);
});

test('property: whatever a power loss keeps of open files, the next run makes the records of the last cut visible', async () => {
  const settings = fileSettings.parse({ type: 'file', path: '/out', roll: { onCheckpoint: false } });
  const sinkOn = (disk: MemoryDisk) => new FileSink({ root: '/out', settings, fs: new MemoryFileSystem(disk) });
  const step = fc.oneof(
    fc.record({ topic: fc.constantFrom('a', 'b'), count: fc.integer({ min: 1, max: 4 }) }),
    fc.constant('cut' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 8 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
      async (steps, random) => {
        const disk = new MemoryDisk();
        const sink = sinkOn(disk);
        const [written, durable] = [
          { a: '', b: '' },
          { a: '', b: '' },
        ];
        let state: unknown[] = [];
        await using first = await SinkRun.start(sink, { epoch: 1 });
        for (const [number, one] of steps.entries()) {
          if (one === 'cut') {
            const { handles, open = [] } = await first.writer.cut({ number, last: false });
            assert.deepEqual(handles, []);
            state = open.map((part) => JSON.parse(JSON.stringify(sink.states.encode(part as never))));
            Object.assign(durable, written);
            continue;
          }
          const values = Array.from({ length: one.count }, (_, i) => `${number}-${i}`);
          await first.write({ split: `${one.topic}/0`, values });
          written[one.topic as 'a' | 'b'] += values.map((value) => `${value}\n`).join('');
        }

        const after = disk.powerLoss(() => random.next().value);
        const next = sinkOn(after);
        await using second = await SinkRun.start(next, { epoch: 2 });
        const states = state.map((value) => next.states.decode(next.states.version, value as never));
        const finished = (await second.session.finishOpen?.(states)) ?? [];

        const handles = finished.map((part) => {
          if (part.kind === 'lost') assert.fail(part.why);
          return { ...part.handle, id: part.handle.payload.staged, sink: 'main' as const, seq: 1, epoch: 2 };
        });
        await second.commit(handles);
        for (const topic of ['a', 'b'] as const)
          assert.equal([...after.filesBelow(`/out/${topic}`).values()].join(''), durable[topic]);
      },
    ),
    { numRuns: 60 },
  );
});
