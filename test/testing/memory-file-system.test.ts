import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FileSystem } from '../../connectors/file/file-system.ts';
import { nodeFileSystem } from '../../connectors/file/node-file-system.ts';
import { fileSystemError, MemoryDisk } from '../../testing/memory-disk.ts';
import { MemoryFileSystem } from '../../testing/memory-file-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

type Step =
  | { verb: 'create'; path: string; text: string }
  | { verb: 'mkdir' | 'unlink' | 'read' | 'readdir' | 'lstat' | 'syncDirectory'; path: string }
  | { verb: 'rename' | 'link'; path: string; to: string };

async function put(fs: FileSystem, path: string, text: string): Promise<void> {
  const file = await fs.create(path);
  await file.write([Buffer.from(text)]);
  await file.sync();
  await file.close();
}

/** What a caller can see of one call: the answer, or the code of the error. */
async function take(fs: FileSystem, root: string, step: Step): Promise<unknown> {
  const path = join(root, step.path);
  try {
    switch (step.verb) {
      case 'create':
        return await put(fs, path, step.text);
      case 'rename':
      case 'link':
        return await fs[step.verb](path, join(root, step.to));
      case 'read':
        return Buffer.from(await fs.read(path)).toString();
      case 'readdir':
        return (await fs.readdir(path)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
      case 'lstat': {
        const status = await fs.lstat(path);
        return status === undefined ? 'absent' : status.kind === 'file' ? status.bytes : status.kind;
      }
      default:
        return await fs[step.verb](path);
    }
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const path = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/b', 'd/d', 'x/y', 'a/b');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ verb: fc.constant('create'), path, text: fc.string({ unit: 'binary-ascii', maxLength: 5 }) }),
  fc.record({ verb: fc.constantFrom('mkdir', 'unlink', 'read', 'readdir', 'lstat', 'syncDirectory'), path }),
  fc.record({ verb: fc.constantFrom('rename', 'link'), path, to: path }),
);

test('without a power loss nobody can tell the fake from the file system of this machine', async (t) => {
  const directory = await temporaryDirectory(t);
  let runs = 0;

  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const root = join(directory, `${runs++}`);
      await nodeFileSystem.mkdir(root);
      const fake = new MemoryFileSystem(new MemoryDisk());
      for (const step of steps) {
        // Directories are never renamed or linked by anything that is built on this port.
        const from = await nodeFileSystem.lstat(join(root, step.path));
        if ((step.verb === 'rename' || step.verb === 'link') && from?.kind === 'directory') continue;
        assert.deepEqual(await take(fake, '/', step), await take(nodeFileSystem, root, step), JSON.stringify(step));
      }
    }),
    { numRuns: 150 },
  );
});

test('a power loss takes bytes that were not synced, and names whose directory was not', async () => {
  const disk = new MemoryDisk();
  const fs = new MemoryFileSystem(disk);
  const file = await fs.create('/half');
  await file.write([Buffer.from('kept')]);
  await file.sync();
  await file.write([Buffer.from(', lost')]);
  await fs.syncDirectory('/');
  await put(fs, '/nameless', 'x');

  const after = disk.powerLoss();

  assert.deepEqual([...after.filesBelow('/')].map(String), ['half,kept']);
  assert.equal(String(disk.filesBelow('/').get('half')), 'kept, lost', 'the disk itself is as it was');
});

test('a rename is kept as a whole or not at all, and surely once both directories are synced', async () => {
  const disk = new MemoryDisk();
  const fs = new MemoryFileSystem(disk);
  await fs.mkdir('/from');
  await fs.mkdir('/to');
  await put(fs, '/from/a', 'x');
  for (const path of ['/', '/from', '/to']) await fs.syncDirectory(path);

  await fs.rename('/from/a', '/to/a');
  await fs.syncDirectory('/from');
  const places = new Set<string>();
  for (let draw = 0; draw < 20; draw++) {
    const names = [
      ...disk
        .powerLoss(() => (draw % 2 === 0 ? 0.1 : 0.9))
        .filesBelow('/')
        .keys(),
    ];
    assert.equal(names.length, 1);
    places.add(names[0] as string);
  }
  assert.deepEqual([...places].toSorted(), ['from/a', 'to/a']);

  await fs.syncDirectory('/to');
  assert.deepEqual([...disk.powerLoss().filesBelow('/').keys()], ['to/a']);
});

test('a name removed without a sync comes back', async () => {
  const disk = new MemoryDisk();
  const fs = new MemoryFileSystem(disk);
  await put(fs, '/a', 'x');
  await fs.syncDirectory('/');
  await fs.unlink('/a');

  assert.ok(disk.powerLoss().find('/a'));
  await fs.syncDirectory('/');
  assert.equal(disk.powerLoss().find('/a'), undefined);
});

test('what survived one power loss survives the next', async () => {
  const disk = new MemoryDisk();
  const fs = new MemoryFileSystem(disk);
  await fs.mkdir('/d');
  await fs.syncDirectory('/');
  await put(fs, '/d/a', 'x');
  await fs.syncDirectory('/d');

  const twice = disk
    .powerLoss()
    .powerLoss()
    .powerLoss(() => 0.9);

  assert.equal(String(twice.filesBelow('/').get('d/a')), 'x');
});

test('a disk that is nearly full takes what fits and then nothing', async () => {
  const fs = new MemoryFileSystem(new MemoryDisk({ capacityBytes: 5 }));
  const file = await fs.create('/a');

  assert.equal(await file.write([Buffer.from('abc'), Buffer.from('defg')]), 5);
  await assert.rejects(file.write([Buffer.from('h')]), { code: 'ENOSPC' });
  assert.equal(Buffer.from(await fs.read('/a')).toString(), 'abcde');
});

test('names do not cross devices', async () => {
  const fs = new MemoryFileSystem(new MemoryDisk({ mounts: ['/other'] }));
  await fs.mkdir('/other');
  await put(fs, '/a', 'x');

  await assert.rejects(fs.rename('/a', '/other/a'), { code: 'EXDEV' });
  await assert.rejects(fs.link('/a', '/other/a'), { code: 'EXDEV' });
  assert.notEqual((await fs.stat('/a'))?.device, (await fs.stat('/other'))?.device);
});

test('a hook in front of a call prevents it, one behind it only loses the answer', async () => {
  const disk = new MemoryDisk();
  const failing = (when: 'before' | 'after') =>
    new MemoryFileSystem(disk, {
      [when]: ({ path }: { path: string }) => {
        throw fileSystemError('EIO', path);
      },
    });

  await assert.rejects(failing('before').mkdir('/a'), { code: 'EIO' });
  await assert.rejects(failing('after').mkdir('/b'), { code: 'EIO' });

  assert.equal(disk.find('/a'), undefined);
  assert.ok(disk.find('/b'));
});
