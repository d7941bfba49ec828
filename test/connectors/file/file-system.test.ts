import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type OpenFile, writeAll } from '../../../connectors/file/file-system.ts';
import { nodeFileSystem } from '../../../connectors/file/node-file-system.ts';
import { MemoryDisk } from '../../../testing/memory-disk.ts';
import { MemoryFileSystem } from '../../../testing/memory-file-system.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

/** Takes as many bytes of each write as `counts` says, in turn. */
function shortFile(counts: readonly number[]): { file: OpenFile; text: () => string } {
  let written = Buffer.alloc(0);
  let call = 0;
  const file: OpenFile = {
    write: async (chunks) => {
      const offered = Buffer.concat(chunks);
      const count = Math.min(offered.length, counts[call++ % counts.length] as number);
      written = Buffer.concat([written, offered.subarray(0, count)]);
      return count;
    },
    sync: async () => {},
    close: async () => {},
  };
  return { file, text: () => written.toString() };
}

test('everything is written in order, however short the counts are that come back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary-ascii', maxLength: 9 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      async (texts, counts) => {
        const { file, text } = shortFile(counts);
        await writeAll(
          file,
          texts.map((chunk) => Buffer.from(chunk)),
        );
        assert.equal(text(), texts.join(''));
      },
    ),
  );
});

test('a write that takes nothing is a full disk, not an endless loop', async () => {
  await assert.rejects(writeAll(shortFile([0]).file, [Buffer.from('x')]), { code: 'ENOSPC' });
});

test('on this machine: create, gather, sync, link, rename and look', async (t) => {
  const root = await temporaryDirectory(t);
  const [a, b, c] = [join(root, 'a'), join(root, 'b'), join(root, 'c')];
  const fs = nodeFileSystem;

  const file = await fs.create(a);
  await writeAll(file, [Buffer.from('one,'), Buffer.from('two,')]);
  await writeAll(file, [Buffer.from('three')]);
  await file.sync();
  await file.close();
  await fs.link(a, b);
  await fs.rename(b, c);
  await fs.syncDirectory(root);

  assert.equal(await readFile(c, 'utf8'), 'one,two,three');
  await assert.rejects(fs.create(a), { code: 'EEXIST' });
  await assert.rejects(fs.link(a, c), { code: 'EEXIST' });
  assert.deepEqual(await fs.lstat(c), { ...(await fs.stat(a)), kind: 'file', bytes: 13 });
  assert.equal(await fs.lstat(b), undefined);
  assert.equal(await fs.lstat(join(a, 'below-a-file')), undefined);
  assert.deepEqual(
    (await fs.readdir(root)).toSorted((x, y) => x.name.localeCompare(y.name)),
    [
      { name: 'a', kind: 'file' },
      { name: 'c', kind: 'file' },
    ],
  );
  await fs.requireWritable(root);
  await assert.rejects(fs.syncDirectory(a), { code: 'ENOTDIR' });
});

test('a range of a file is what lies there, and less only at its end, on this machine as in memory', async (t) => {
  const text = 'abcdefghij';
  const root = await temporaryDirectory(t);
  const memory = new MemoryFileSystem(new MemoryDisk());
  for (const [fs, path] of [
    [nodeFileSystem, join(root, 'a')],
    [memory, '/a'],
  ] as const) {
    const file = await fs.create(path);
    await writeAll(file, [Buffer.from(text)]);
    await file.close();
    for (let from = 0; from <= 12; from++) {
      for (const bytes of [0, 1, 4, 20])
        assert.equal(Buffer.from(await fs.readRange(path, { from, bytes })).toString(), text.slice(from, from + bytes));
    }
    await assert.rejects(fs.readRange(`${path}-other`, { from: 0, bytes: 1 }), { code: 'ENOENT' });
  }
});
