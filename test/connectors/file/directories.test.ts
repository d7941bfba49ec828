import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Directories } from '../../../connectors/file/directories.ts';
import { fileSystemError, MemoryDisk } from '../../../testing/memory-disk.ts';
import { type FileSystemCall, type FileSystemHooks, MemoryFileSystem } from '../../../testing/memory-file-system.ts';

const directoriesOn = (disk: MemoryDisk, hooks: FileSystemHooks = {}) =>
  new Directories(new MemoryFileSystem(disk, hooks));

function counting(verb: string): { calls: FileSystemCall[]; hooks: FileSystemHooks } {
  const calls: FileSystemCall[] = [];
  const before = (call: FileSystemCall) => {
    if (call.verb === verb) calls.push(call);
  };
  return { calls, hooks: { before } };
}

test('a new directory and all its new ancestors survive a power loss', async () => {
  const disk = new MemoryDisk();

  await directoriesOn(disk).ensure('/a/b/c');

  assert.equal(disk.powerLoss().find('/a/b/c')?.kind, 'directory');
});

test('so does one that a process made and died before it was durable', async () => {
  for (let calls = 0; ; calls++) {
    const disk = new MemoryDisk();
    let left = calls;
    const dying = directoriesOn(disk, {
      before: () => {
        if (left-- <= 0) throw fileSystemError('EIO', 'dead');
      },
    });
    const died = await dying.ensure('/a/b/c').then(
      () => false,
      () => true,
    );

    await directoriesOn(disk).ensure('/a/b/c');

    assert.equal(disk.powerLoss().find('/a/b/c')?.kind, 'directory', `died at call ${calls}`);
    if (!died) return;
  }
});

test('a directory is made once, however many ask, and looked for again once somebody removed it', async () => {
  const { calls, hooks } = counting('mkdir');
  const disk = new MemoryDisk();
  const directories = directoriesOn(disk, hooks);

  await Promise.all([directories.ensure('/a/b'), directories.ensure('/a/b'), directories.ensure('/a/c')]);
  await directories.ensure('/a/b');
  assert.deepEqual(calls.map(({ path }) => path).toSorted(), ['/a', '/a/b', '/a/c']);

  disk.change([{ directory: disk.requireDirectory('/'), name: 'a', node: undefined }]);
  directories.forget();
  await directories.ensure('/a/b');
  assert.equal(disk.find('/a/b')?.kind, 'directory');
});

test('a directory that could not be made is tried again by the next who asks', async () => {
  let isFull = true;
  const directories = directoriesOn(new MemoryDisk(), {
    before: ({ verb, path }) => {
      if (verb === 'mkdir' && isFull) throw fileSystemError('ENOSPC', path);
    },
  });
  await assert.rejects(directories.ensure('/a'), { kind: 'unavailable', code: 'FILE_NO_SPACE' });

  isFull = false;

  await directories.ensure('/a');
});

test('two processes that make one directory at a time both succeed', async () => {
  const disk = new MemoryDisk();

  await Promise.all([directoriesOn(disk).ensure('/a/b/c'), directoriesOn(disk).ensure('/a/b/c')]);

  assert.equal(disk.powerLoss().find('/a/b/c')?.kind, 'directory');
});

test('a file in the way is the user’s to mend', async () => {
  const disk = new MemoryDisk();
  await new MemoryFileSystem(disk).create('/a');

  await assert.rejects(directoriesOn(disk).ensure('/a'), { kind: 'config', code: 'FILE_NOT_A_DIRECTORY' });
  await assert.rejects(directoriesOn(disk).ensure('/a/b'), { kind: 'config', code: 'FILE_NOT_A_DIRECTORY' });
});

test('a parent that may not be looked into is no obstacle for a directory that exists', async () => {
  const disk = new MemoryDisk();
  await directoriesOn(disk).ensure('/a/b');
  const hooks: FileSystemHooks = {
    before: ({ verb, path }) => {
      if (verb === 'syncDirectory' && path === '/a') throw fileSystemError('EACCES', path);
    },
  };

  await directoriesOn(disk, hooks).ensure('/a/b');

  await assert.rejects(directoriesOn(disk, hooks).ensure('/a/c'), { code: 'FILE_NO_PERMISSION' });
});

test('who asks during a sync gets the next one, together with all others that wait', async () => {
  const { promise: slowDisk, resolve: letGo } = Promise.withResolvers<void>();
  let syncs = 0;
  const disk = new MemoryDisk();
  const directories = directoriesOn(disk, {
    before: ({ verb }) => (verb === 'syncDirectory' && syncs++ === 0 ? slowDisk : undefined),
  });

  const first = directories.sync('/');
  const waiting = [directories.sync('/'), directories.sync('/'), directories.sync('/')];
  letGo();
  await Promise.all([first, ...waiting]);
  assert.equal(syncs, 2);

  await directories.sync('/');
  assert.equal(syncs, 3, 'a finished sync covers nothing that comes after it');
});

test('a change made while a sync runs is durable once its own sync returns', async () => {
  const disk = new MemoryDisk();
  const fs = new MemoryFileSystem(disk);
  const { promise: slowAnswer, resolve: answer } = Promise.withResolvers<void>();
  let syncs = 0;
  const directories = directoriesOn(disk, {
    after: ({ verb }) => (verb === 'syncDirectory' && syncs++ === 0 ? slowAnswer : undefined),
  });
  const first = directories.sync('/');
  // The first sync has had its effect, its answer is on the way.
  await new Promise(setImmediate);
  await fs.create('/late');

  const second = directories.sync('/');
  answer();
  await Promise.all([first, second]);

  assert.ok(disk.powerLoss().find('/late'));
});

test('a sync that failed is the failure of those who wait for the next one, too, because it would not be reported again', async () => {
  let syncs = 0;
  const directories = directoriesOn(new MemoryDisk(), {
    before: ({ verb, path }) => {
      if (verb === 'syncDirectory' && syncs++ === 0) throw fileSystemError('EIO', path);
    },
  });

  const results = await Promise.allSettled([directories.sync('/'), directories.sync('/'), directories.sync('/')]);

  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.equal(syncs, 1);
  await directories.sync('/');
  assert.equal(syncs, 2);
});
