import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connector, file } from '../../../connectors/file/index.ts';
import { fileSettings } from '../../../connectors/file/settings.ts';
import { FileSink } from '../../../connectors/file/sink.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { SinkRun } from '../../../testing/conformance/sink-run.ts';
import { fileSystemError, MemoryDisk } from '../../../testing/memory-disk.ts';
import { type FileSystemHooks, MemoryFileSystem } from '../../../testing/memory-file-system.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

const ROOT = '/data/out';
const context = { env: systemEnv(), signal: new AbortController().signal };
const records = (split: string, offset = 0) => ({ split, offset, values: ['{"a":1}'] });

function sinkOn(disk: MemoryDisk, { hooks = {}, ...input }: { hooks?: FileSystemHooks; maxOpenParts?: number } = {}) {
  const settings = fileSettings.parse({ type: 'file', path: ROOT, ...input });
  return new FileSink({ root: ROOT, settings, fs: new MemoryFileSystem(disk, hooks) });
}

test('a path is relative to the pipeline’s file, and is the identity', () => {
  const create = connector.sink?.create;
  const sink = create?.(fileSettings.parse({ type: 'file', path: './out' }), { baseDir: '/etc/pipelines' });

  assert.equal(sink?.identity, 'file:/etc/pipelines/out');
  assert.equal(file({ path: '/data/./out/' }).identity, 'file:/data/out');
  assert.equal(sink?.rootStore(context.env)?.identity, 'file:/etc/pipelines/out/_sluice');
});

test('unknown keys and wrong values are refused', () => {
  const issues = (input: object) => fileSettings.safeParse({ type: 'file', path: 'x', ...input }).error?.issues.length;

  assert.equal(issues({}), undefined);
  assert.equal(issues({ roll: { bytes: '64MiB', records: 1000 } }), undefined);
  for (const wrong of [
    { pfad: 'x' },
    { path: '' },
    { format: 'avro' },
    { roll: { bytes: '0B' } },
    { delimiter: ';' },
  ]) {
    assert.equal(issues(wrong), 1, JSON.stringify(wrong));
  }
});

test('looking whether a path can be used makes nothing', async (t) => {
  const directory = await temporaryDirectory(t);

  await file({ path: join(directory, 'a', 'b') }).check(context);

  assert.deepEqual(await readdir(directory), []);
});

test('a path that is or leads through a file is refused before anything is made', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'taken'), '');

  for (const path of [join(directory, 'taken'), join(directory, 'taken', 'below')]) {
    await assert.rejects(file({ path }).check(context), { kind: 'config', code: 'FILE_NOT_A_DIRECTORY' });
  }
});

test('a directory that may not be written to is refused, whether it is the path or above it', async () => {
  const disk = new MemoryDisk();
  await new MemoryFileSystem(disk).mkdir('/data');
  disk.requireDirectory('/data').isWritable = false;

  await assert.rejects(sinkOn(disk).check(context), { kind: 'config', code: 'FILE_NOT_WRITABLE' });
});

test('at the start, permissions are the user’s to mend, a disk with errors is not', async () => {
  const check = (verb: string, code: string) =>
    sinkOn(new MemoryDisk(), {
      hooks: {
        before: (call) => {
          if (call.verb === verb) throw fileSystemError(code, call.path);
        },
      },
    }).check(context);

  await assert.rejects(check('stat', 'EACCES'), { kind: 'config', code: 'FILE_NOT_WRITABLE' });
  await assert.rejects(check('requireWritable', 'EROFS'), { kind: 'config', code: 'FILE_NOT_WRITABLE' });
  await assert.rejects(check('stat', 'EIO'), { kind: 'rejected', code: 'FILE_DEVICE_FAILED' });
  await assert.rejects(check('requireWritable', 'ESTALE'), { kind: 'unavailable', code: 'FILE_UNAVAILABLE' });
});

test('a staging area on another device is refused at the start', async () => {
  const disk = new MemoryDisk({ mounts: [`${ROOT}/.staging`] });
  const fs = new MemoryFileSystem(disk);
  for (const path of ['/data', ROOT, `${ROOT}/.staging`]) await fs.mkdir(path);

  await assert.rejects(sinkOn(disk).check(context), { kind: 'config', code: 'FILE_OTHER_DEVICE' });
});

test('a topic’s directory on another device is refused when its first part opens', async () => {
  const disk = new MemoryDisk({ mounts: [`${ROOT}/t`] });
  await using run = await SinkRun.start(sinkOn(disk));
  await run.write(records('u/0'));
  assert.equal((await run.cut()).length, 1);

  await run.write(records('t/0'));

  await assert.rejects(run.cut(), { kind: 'config', code: 'FILE_OTHER_DEVICE' });
});

test('a topic’s directory may be a link within the device', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'elsewhere'));
  await mkdir(join(directory, 'out'));
  await symlink(join(directory, 'elsewhere'), join(directory, 'out', 't'));
  await using run = await SinkRun.start(file({ path: join(directory, 'out') }));

  await run.write(records('t/0'));
  const verdicts = await run.commit(await run.cut());

  assert.deepEqual(verdicts, [{ kind: 'committed' }]);
  assert.equal((await readdir(join(directory, 'elsewhere'))).length, 1);
});

test('a sync that fails ends the run as rejected, and is not tried a second time', async () => {
  let syncs = 0;
  const disk = new MemoryDisk();
  const hooks: FileSystemHooks = {
    before: ({ verb, path }) => {
      if (verb !== 'sync') return;
      syncs++;
      throw fileSystemError('EIO', path);
    },
  };
  await using run = await SinkRun.start(sinkOn(disk, { hooks }));
  await run.write(records('t/0'));

  await assert.rejects(run.cut(), { kind: 'rejected', code: 'FILE_DEVICE_FAILED' });
  await assert.rejects(run.cut(), { kind: 'rejected', code: 'FILE_DEVICE_FAILED' });

  assert.equal(syncs, 1);
});

test('a staged name that exists already is never written into', async () => {
  const disk = new MemoryDisk();
  {
    await using first = await SinkRun.start(sinkOn(disk), { epoch: 4 });
    await first.write(records('t/0'));
    await first.cut();
  }
  const before = disk.filesBelow(ROOT);
  await using second = await SinkRun.start(sinkOn(disk), { epoch: 4 });
  await second.write({ split: 't/0', values: ['2', '3'] });

  await assert.rejects(second.cut(), { kind: 'rejected', code: 'FILE_STAGED_NAME_TAKEN' });

  assert.deepEqual(disk.filesBelow(ROOT), before);
});

const remove = (disk: MemoryDisk, name: string) =>
  disk.change([{ directory: disk.requireDirectory(ROOT), name, node: undefined }]);

test('a topic’s directory that somebody removes while running is made again by the commit', async () => {
  const disk = new MemoryDisk();
  await using run = await SinkRun.start(sinkOn(disk));
  await run.write(records('t/0'));
  const handles = await run.cut();

  remove(disk, 't');

  assert.deepEqual(await run.commit(handles), [{ kind: 'committed' }]);
  assert.equal(disk.powerLoss().filesBelow(`${ROOT}/t`).size, 1);
});

test('a staging area that somebody removes while running is made again by the restart', async () => {
  const disk = new MemoryDisk();
  {
    await using run = await SinkRun.start(sinkOn(disk), { epoch: 1 });
    await run.write(records('t/0'));
    await run.commit(await run.cut());
    remove(disk, '.staging');
    await run.write(records('t/0', 1));
    await assert.rejects(run.cut(), { kind: 'unavailable', code: 'FILE_DIRECTORY_VANISHED' });
  }
  await using restarted = await SinkRun.start(sinkOn(disk), { epoch: 2 });

  await restarted.write(records('t/0', 1));

  assert.deepEqual(await restarted.commit(await restarted.cut()), [{ kind: 'committed' }]);
  assert.equal(disk.powerLoss().filesBelow(`${ROOT}/t`).size, 2);
});

test('every file that is opened is closed again, whatever happens', async () => {
  for (const failing of [undefined, 'write', 'sync', 'syncDirectory']) {
    let open = 0;
    const hooks: FileSystemHooks = {
      before: ({ verb, path }) => {
        if (verb === failing) throw fileSystemError('ENOSPC', path);
      },
      after: ({ verb }) => {
        if (verb === 'create') open++;
        if (verb === 'close') open--;
      },
    };
    const run = await SinkRun.start(sinkOn(new MemoryDisk(), { hooks, maxOpenParts: 2 }));
    for (const topic of ['a', 'b', 'c', 'd']) await run.write(records(`${topic}/0`)).catch(() => {});
    await run.cut().catch(() => {});
    await run.write(records('e/0')).catch(() => {});

    await run[Symbol.asyncDispose]();

    assert.equal(open, 0, `failing: ${failing}`);
  }
});
