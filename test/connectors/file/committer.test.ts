import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { FileCommitter } from '../../../connectors/file/committer.ts';
import { Directories } from '../../../connectors/file/directories.ts';
import { writeAll } from '../../../connectors/file/file-system.ts';
import { type FileHandle, fileHandles } from '../../../connectors/file/handle.ts';
import { listOrphans } from '../../../connectors/file/orphans.ts';
import { decideCommit } from '../../../connectors/filesink/two-names.ts';
import type { CommitPermit, PendingHandle, Verdict } from '../../../core/contract/sink.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { fileSystemError, MemoryDisk } from '../../../testing/memory-disk.ts';
import { type FileSystemHooks, MemoryFileSystem } from '../../../testing/memory-file-system.ts';

const ROOT = '/out';
const permit = { seq: 1, epoch: 1 } as CommitPermit;
const SCOPE = { pipeline: 'p', lineage: '0123456789abcdef', layout: 1, shard: 0, epochBelow: 2 };
const nameOf = (counter: number) => `p-0123456789abcdef-l1s0-000000000001-${String(counter).padStart(8, '0')}.ndjson`;

function committerOn(disk: MemoryDisk, hooks: FileSystemHooks = {}): FileCommitter {
  const fs = new MemoryFileSystem(disk, hooks);
  const { log } = systemEnv();
  return new FileCommitter({ root: ROOT, fs, directories: new Directories(fs), log, takenByReaders: 'fail' });
}

/** Stages files `1` to `count` of 5 bytes each, for one directory per topic. */
async function stage(disk: MemoryDisk, ...topics: string[]): Promise<PendingHandle<FileHandle>[]> {
  const fs = new MemoryFileSystem(disk);
  const directories = new Directories(fs);
  const handles: PendingHandle<FileHandle>[] = [];
  for (const [counter, topic] of topics.entries()) {
    const payload = {
      staged: `${ROOT}/.staging/${nameOf(counter)}`,
      final: `${ROOT}/${topic}/${nameOf(counter)}`,
      bytes: 5,
    };
    await directories.ensure(dirname(payload.staged));
    await directories.ensure(dirname(payload.final));
    await put(fs, payload.staged, 'lines');
    await fs.syncDirectory(dirname(payload.staged));
    handles.push({ id: `${counter}`, sink: 'main', seq: 1, epoch: 1, kind: 'file', phase: 0, covers: {}, payload });
  }
  return handles;
}

async function put(fs: MemoryFileSystem, path: string, text: string): Promise<void> {
  const file = await fs.create(path);
  await writeAll(file, [Buffer.from(text)]);
  await file.sync();
  await file.close();
}

const kinds = (verdicts: readonly Verdict[]) => verdicts.map(({ kind }) => kind);

test('what lies under the two names decides alone', () => {
  const handle: FileHandle = { staged: 's', final: 'f', bytes: 5 };
  const ours = { kind: 'file', bytes: 5, device: 1 } as const;
  const decide = (staged: typeof ours | undefined, final: { kind: string; bytes: number } | undefined) =>
    decideCommit(handle, { staged, final });

  assert.deepEqual(decide(ours, undefined), { kind: 'move' });
  assert.deepEqual(decide(undefined, ours), { kind: 'alreadyVisible' });
  assert.deepEqual(decide(undefined, undefined), { kind: 'gone' });
  assert.deepEqual(decide(ours, ours), { kind: 'occupied' });
  for (const [final, what] of [
    [{ kind: 'file', bytes: 4 }, 'has 4 bytes instead of 5'],
    [{ kind: 'directory', bytes: 5 }, 'is a directory'],
    [{ kind: 'other', bytes: 5 }, 'is no file'],
  ] as const)
    assert.deepEqual(decide(undefined, final), { kind: 'replaced', what });
});

test('a file of another length under the final name is a loss', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 't');
  await committerOn(disk).commit(handles, permit, {});
  const fs = new MemoryFileSystem(disk);
  await fs.unlink(handles[0]?.payload.final ?? '');
  await put(fs, handles[0]?.payload.final ?? '', 'other lines');

  const [verdict] = await committerOn(disk).commit(handles, permit, {});

  assert.equal(verdict?.kind, 'lost');
  assert.match(verdict?.kind === 'lost' ? verdict.why : '', /has 11 bytes instead of 5/);
});

test('a foreign file under the final name is left alone, and the staged one waits', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 't');
  const { staged, final } = (handles[0] as PendingHandle<FileHandle>).payload;
  await put(new MemoryFileSystem(disk), final, 'whose');

  const [verdict] = await committerOn(disk).commit(handles, permit, {});

  assert.equal(verdict?.kind, 'retryLater');
  assert.equal(verdict?.kind === 'retryLater' && verdict.cause.code, 'FILE_TARGET_OCCUPIED');
  assert.equal(String(disk.filesBelow('/').get(final.slice(1))), 'whose');
  assert.ok(disk.find(staged));
});

test('a permission that is missing is waited for with its cause, and the others are committed', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 'a', 'b', 'c');
  disk.requireDirectory(`${ROOT}/b`).isWritable = false;

  const verdicts = await committerOn(disk).commit(handles, permit, {});

  assert.deepEqual(kinds(verdicts), ['committed', 'retryLater', 'committed']);
  assert.equal(verdicts[1]?.kind === 'retryLater' && verdicts[1].cause.code, 'FILE_NO_PERMISSION');
  disk.requireDirectory(`${ROOT}/b`).isWritable = true;
  assert.deepEqual(kinds(await committerOn(disk).commit(handles, permit, {})), [
    'alreadyCommitted',
    'committed',
    'alreadyCommitted',
  ]);
});

test('a directory that somebody removed is made again, durably', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 't');
  disk.change([{ directory: disk.requireDirectory(ROOT), name: 't', node: undefined }]);

  assert.deepEqual(kinds(await committerOn(disk).commit(handles, permit, {})), ['committed']);

  assert.ok(disk.powerLoss().find(handles[0]?.payload.final ?? ''));
});

test('a rename whose answer was lost is found by looking', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 't');
  const losing = committerOn(disk, {
    after: ({ verb, path }) => {
      if (verb === 'rename') throw fileSystemError('ETIMEDOUT', path);
    },
  });

  assert.deepEqual(kinds(await losing.commit(handles, permit, {})), ['retryLater']);

  assert.deepEqual(kinds(await committerOn(disk).commit(handles, permit, {})), ['alreadyCommitted']);
});

test('whatever a power loss keeps of an unfinished commit, the next one finishes it and loses nothing', async () => {
  for (let calls = 0; ; calls++) {
    const disk = new MemoryDisk();
    const handles = await stage(disk, 'a', 'b');
    let left = calls;
    let isCut = false;
    const dying = committerOn(disk, {
      before: () => {
        if (left-- > 0) return;
        isCut = true;
        throw fileSystemError('EIO', 'power');
      },
    });
    const verdicts = await dying.commit(handles, permit, {}).catch(() => undefined);
    for (let seed = 0; seed < 16; seed++) {
      const after = disk.powerLoss(randomFrom(seed * 31 + calls));
      if (!isCut) for (const { payload } of handles) assert.ok(after.find(payload.final), 'committed and durable');

      const again = kinds(await committerOn(after).commit(handles, permit, {}));

      assert.ok(
        again.every((kind) => kind === 'committed' || kind === 'alreadyCommitted'),
        `cut at call ${calls}: ${again}`,
      );
      const visible = [...after.filesBelow(ROOT)].filter(([name]) => !name.startsWith('.'));
      assert.deepEqual(
        visible.map(([, bytes]) => String(bytes)),
        ['lines', 'lines'],
      );
    }
    if (!isCut) {
      assert.deepEqual(verdicts && kinds(verdicts), ['committed', 'committed']);
      assert.ok(calls > 5, 'every call was cut once');
      return;
    }
  }
});

test('a failed sync of a directory ends the run instead of being tried again', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 't');
  let syncs = 0;
  const failing = committerOn(disk, {
    before: ({ verb, path }) => {
      if (verb !== 'syncDirectory') return;
      syncs++;
      throw fileSystemError('EIO', path);
    },
  });

  await assert.rejects(failing.commit(handles, permit, {}), { kind: 'rejected', code: 'FILE_DEVICE_FAILED' });

  assert.equal(syncs, 1);
});

test('a directory that cannot be opened for its sync is waited for', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 'a', 'b');
  const failing = committerOn(disk, {
    before: ({ verb, path }) => {
      if (verb === 'syncDirectory' && path === `${ROOT}/a`) throw fileSystemError('EMFILE', path);
    },
  });

  assert.deepEqual(kinds(await failing.commit(handles, permit, {})), ['retryLater', 'committed']);

  assert.deepEqual(kinds(await committerOn(disk).commit(handles, permit, {})), [
    'alreadyCommitted',
    'alreadyCommitted',
  ]);
});

test('a commit syncs each directory once, however many files go there', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 'a', 'a', 'a', 'b', 'b');
  const synced: string[] = [];
  const counting = committerOn(disk, {
    before: ({ verb, path }) => {
      if (verb === 'syncDirectory') synced.push(path);
    },
  });

  await counting.commit(handles, permit, {});

  assert.deepEqual(synced, [`${ROOT}/a`, `${ROOT}/b`, `${ROOT}/.staging`]);
});

test('what is not named like a part of ours is not touched, and one that cannot be removed is kept', async () => {
  const disk = new MemoryDisk();
  const handles = await stage(disk, 'a', 'b');
  const fs = new MemoryFileSystem(disk);
  await put(fs, `${ROOT}/.staging/notes.txt`, 'mine');
  await put(fs, `${ROOT}/.staging/${nameOf(7)}~`, 'editor');
  const stubborn = committerOn(disk, {
    before: ({ verb, path }) => {
      if (verb === 'unlink' && path === handles[0]?.payload.staged) throw fileSystemError('EACCES', path);
    },
  });

  const report = await stubborn.abortOrphans(SCOPE, { handles: [], open: [] }, {});

  assert.deepEqual(report, { aborted: [nameOf(1)], kept: 1 });
  assert.deepEqual([...disk.filesBelow(`${ROOT}/.staging`).keys()], [nameOf(0), 'notes.txt', `${nameOf(7)}~`]);
});

test('a dry run names exactly what a sweep then removes, and changes nothing', async () => {
  const disk = new MemoryDisk();
  const [named, open] = await stage(disk, 't', 't', 'u', 'u');
  const fs = new MemoryFileSystem(disk);
  const foreign = ['notes.txt', nameOf(7).replace('0123456789abcdef', 'fedcba9876543210')];
  const newer = nameOf(8).replace('-000000000001-', '-000000000002-');
  for (const name of [...foreign, newer]) await put(fs, `${ROOT}/.staging/${name}`, 'x');
  const before = [...disk.filesBelow(`${ROOT}/.staging`).keys()];
  const place = (open as PendingHandle<FileHandle>).payload;
  const keep = { handles: [named as PendingHandle<FileHandle>], open: [{ place, covers: {}, records: 1 }] };

  const listing = await listOrphans({ root: ROOT, fs }, SCOPE, keep);

  assert.deepEqual([...disk.filesBelow(`${ROOT}/.staging`).keys()], before);
  assert.deepEqual(listing, {
    orphans: [2, 3].map((n) => ({
      ...{ place: `${ROOT}/.staging/${nameOf(n)}`, epoch: 1, bytes: 5, stagedAtMs: undefined },
    })),
    kept: 3,
  });
  const report = await committerOn(disk).abortOrphans(SCOPE, keep, {});
  assert.deepEqual(report, { aborted: [nameOf(2), nameOf(3)], kept: 3 });
  assert.deepEqual([...disk.filesBelow(`${ROOT}/.staging`).keys()], [nameOf(0), nameOf(1), ...foreign, newer]);
});

test('without a staging area there are no orphans', async () => {
  assert.deepEqual(await committerOn(new MemoryDisk()).abortOrphans(SCOPE, { handles: [], open: [] }, {}), {
    aborted: [],
    kept: 0,
  });
});

test('a handle of a newer version is refused with what to do', () => {
  const handle: FileHandle = { staged: '/s', final: '/f', bytes: 3 };

  assert.deepEqual(fileHandles.decode(1, fileHandles.encode(handle)), handle);
  assert.throws(() => fileHandles.decode(2, fileHandles.encode(handle)), {
    kind: 'config',
    code: 'FILE_HANDLE_VERSION',
  });
});

function randomFrom(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
