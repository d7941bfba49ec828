import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileStore } from '../../../connectors/file/index.ts';
import { nodeFileSystem } from '../../../connectors/file/node-file-system.ts';
import { FileStore } from '../../../connectors/file/store.ts';
import { storeConformance } from '../../../testing/conformance/store.ts';
import { fileSystemError, MemoryDisk } from '../../../testing/memory-disk.ts';
import { type FileSystemHooks, MemoryFileSystem } from '../../../testing/memory-file-system.ts';
import { testConformance } from '../../testing/conformance.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

const ROOT = '/data/_sluice';
const slot = Buffer.from('{"slot":1}');

const storeOn = (disk: MemoryDisk, hooks: FileSystemHooks = {}) =>
  new FileStore({ root: ROOT, fs: new MemoryFileSystem(disk, hooks) });

const failOn = (verb: string, code: string): FileSystemHooks => ({
  before: (call) => {
    if (call.verb === verb) throw fileSystemError(code, call.path);
  },
});

testConformance('file store on this disk', storeConformance, async (t) => {
  const path = join(await temporaryDirectory(t), 'made', 'when', 'needed');
  return {
    connect: async () => fileStore({ path }),
    connectLosingResponses: async () => {
      const link = async (from: string, to: string) => {
        await nodeFileSystem.link(from, to);
        throw fileSystemError('ETIMEDOUT', to);
      };
      return new FileStore({ root: path, fs: { ...nodeFileSystem, link } });
    },
  };
});

testConformance('file store on a disk that forgets', storeConformance, () => {
  let disk = new MemoryDisk();
  return {
    connect: async () => storeOn(disk),
    connectLosingResponses: async () =>
      storeOn(disk, {
        after: ({ verb, path }) => {
          if (verb === 'link') throw fileSystemError('ETIMEDOUT', path);
        },
      }),
    powerLoss: async () => {
      disk = disk.powerLoss();
    },
  };
});

test('whatever a power loss keeps of an unfinished create, a slot is whole or not there', async () => {
  for (let calls = 0; ; calls++) {
    const disk = new MemoryDisk();
    let left = calls;
    let isCut = false;
    const store = storeOn(disk, {
      before: () => {
        if (left-- <= 0) {
          isCut = true;
          throw fileSystemError('EIO', 'power');
        }
      },
    });
    const outcome = await store.createIfAbsent('p/1', slot).catch(() => 'failed');
    if (!isCut) {
      assert.equal(outcome, 'created');
      assert.ok(calls > 10, 'every call of a create was cut once');
      return;
    }
    for (let seed = 0; seed < 20; seed++) {
      const after = storeOn(disk.powerLoss(randomFrom(seed)));
      const found = await after.get('p/1');
      assert.ok(found === undefined || slot.equals(found), `torn after ${calls} calls`);
      if (outcome === 'created') assert.ok(found, `created, and gone after ${calls} calls`);
      assert.deepEqual(await after.list('', ''), found === undefined ? [] : ['p/1']);
    }
  }
});

test('exists is only said of what is durable, even when its writer died before making it so', async () => {
  await existsIsDurable((disk) => storeOn(disk));
  // The same when both were on their way at once: this one has looked before the other one's link.
  await existsIsDurable(
    (disk) =>
      new FileStore({
        root: ROOT,
        fs: Object.assign(new MemoryFileSystem(disk), { lstat: async () => undefined }),
      }),
  );
});

async function existsIsDurable(secondOn: (disk: MemoryDisk) => FileStore): Promise<void> {
  const disk = new MemoryDisk();
  const dying = storeOn(disk, {
    after: ({ verb, path }) => {
      if (verb === 'link') throw fileSystemError('EIO', path);
    },
  });
  await assert.rejects(dying.createIfAbsent('p/1', slot));
  assert.equal(disk.powerLoss().find(`${ROOT}/p/1`), undefined, 'the slot is visible, not durable');

  assert.equal(await secondOn(disk).createIfAbsent('p/1', slot), 'exists');

  assert.ok(await storeOn(disk.powerLoss()).get('p/1'));
}

test('a full disk is unavailable, leaves no slot and no waste, and the same create succeeds later', async () => {
  const disk = new MemoryDisk({ capacityBytes: 4 });

  await assert.rejects(storeOn(disk).createIfAbsent('p/1', slot), { kind: 'unavailable', code: 'FILE_NO_SPACE' });

  assert.deepEqual([...disk.filesBelow('/').keys()], []);
  assert.equal(await storeOn(disk).createIfAbsent('p/1', Buffer.from('fits')), 'created');
  assert.deepEqual([...disk.filesBelow('/').keys()], ['data/_sluice/p/1'], 'nothing temporary is left behind');
  assert.equal(await storeOn(disk).createIfAbsent('p/1', slot), 'exists', 'which takes no space to say');
});

test('a sync that failed is never tried again: rejected at once', async () => {
  for (const verb of ['sync', 'syncDirectory']) {
    const syncs: string[] = [];
    const disk = new MemoryDisk();
    await storeOn(disk).createIfAbsent('p/0', slot);
    const store = storeOn(disk, {
      before: (call) => {
        if (call.verb !== verb || (verb === 'syncDirectory' && call.path !== `${ROOT}/p`)) return;
        syncs.push(call.path);
        throw fileSystemError('EIO', call.path);
      },
    });

    await assert.rejects(store.createIfAbsent('p/1', slot), { kind: 'rejected', code: 'FILE_DEVICE_FAILED' });

    assert.equal(syncs.length, 1);
  }
});

test('errors are told apart by what can be done about them', async () => {
  const create = (verb: string, code: string) =>
    storeOn(new MemoryDisk(), failOn(verb, code)).createIfAbsent('p/1', slot);

  await assert.rejects(create('create', 'EACCES'), { kind: 'rejected', code: 'FILE_NO_PERMISSION' });
  await assert.rejects(create('mkdir', 'EROFS'), { kind: 'rejected', code: 'FILE_NO_PERMISSION' });
  await assert.rejects(create('create', 'EMFILE'), { kind: 'unavailable', code: 'FILE_UNAVAILABLE' });
  await assert.rejects(create('link', 'EPERM'), { kind: 'config', code: 'FILE_STORE_NO_LINKS' });
  await assert.rejects(storeOn(new MemoryDisk(), failOn('read', 'EIO')).get('p/1'), { kind: 'rejected' });
});

test('temporary files are in no listing, and another process’s leftovers are in nobody’s way', async () => {
  const disk = new MemoryDisk();
  const killed = storeOn(disk, {
    before: ({ verb, path }) => {
      if (verb === 'link' || verb === 'unlink') throw fileSystemError('EIO', path);
    },
  });
  await assert.rejects(killed.createIfAbsent('p/1', slot));
  assert.equal(disk.filesBelow(`${ROOT}/.tmp`).size, 1);

  const store = storeOn(disk);
  assert.deepEqual(await store.list('', ''), []);
  assert.equal(await store.createIfAbsent('p/1', slot), 'created');
  assert.deepEqual(await store.list('', ''), ['p/1']);
});

test('a root that vanishes while running costs the old slots, not the process: the new one stands alone', async (t) => {
  const path = await temporaryDirectory(t);
  const store = fileStore({ path: join(path, 'state') });
  await store.createIfAbsent('p/1', slot);

  await rm(join(path, 'state'), { recursive: true });

  assert.deepEqual(await store.list('p/', ''), []);
  assert.equal(await store.get('p/1'), undefined);
  assert.equal(await store.createIfAbsent('p/2', slot), 'created');
  assert.deepEqual(await store.list('p/', ''), ['p/2']);
});

test('a path through a file is the user’s to mend', async (t) => {
  const path = await temporaryDirectory(t);
  await (await nodeFileSystem.create(join(path, 'state'))).close();

  await assert.rejects(fileStore({ path: join(path, 'state') }).createIfAbsent('p/1', slot), {
    kind: 'config',
    code: 'FILE_NOT_A_DIRECTORY',
  });
});

test('a key cannot leave the root', async () => {
  const store = storeOn(new MemoryDisk());

  for (const key of ['../x', 'a/../x', '/x', 'a//b', '.tmp/x', '']) {
    await assert.rejects(store.createIfAbsent(key, slot), { code: 'ASSERTION' });
  }
});

function randomFrom(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
