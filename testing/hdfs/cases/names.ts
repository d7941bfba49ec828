import assert from 'node:assert/strict';
import { call, done, type HdfsCase, mkdirs, put, refused, rename, says, status, textOf } from './lab.ts';

/** RENAME, DELETE and MKDIRS: what becomes of names. */
export const nameCases: readonly HdfsCase[] = [
  {
    name: 'RENAME moves a file and answers true',
    async run(lab) {
      await put(lab, 'f', 'x');
      await mkdirs(lab, 'd');

      says(await rename(lab, 'f', 'd/g'), true);

      assert.equal(await status(lab, 'f'), undefined);
      assert.equal(await textOf(lab, 'd/g'), 'x');
    },
  },
  {
    name: 'RENAME keeps the length, the owner and the time of a file',
    async run(lab) {
      await put(lab, 'f', 'x');
      const before = await status(lab, 'f');

      says(await rename(lab, 'f', 'g'), true);

      assert.deepEqual(await status(lab, 'g'), before);
    },
  },
  {
    name: 'RENAME answers false when the target is taken, and changes nothing',
    async run(lab) {
      await put(lab, 'f', 'mine');
      await put(lab, 'g', 'theirs');

      says(await rename(lab, 'f', 'g'), false);

      assert.deepEqual([await textOf(lab, 'f'), await textOf(lab, 'g')], ['mine', 'theirs']);
    },
  },
  {
    name: 'RENAME answers false when there is no source, and the same when it has been done before',
    async run(lab) {
      await put(lab, 'f', 'x');

      says(await rename(lab, 'none', 'g'), false);
      says(await rename(lab, 'f', 'g'), true);
      says(await rename(lab, 'f', 'g'), false);

      assert.equal(await textOf(lab, 'g'), 'x');
    },
  },
  {
    name: 'RENAME answers false when the directory of the target is missing',
    async run(lab) {
      await put(lab, 'f', 'x');

      says(await rename(lab, 'f', 'none/g'), false);

      assert.equal(await textOf(lab, 'f'), 'x');
    },
  },
  {
    name: 'RENAME onto a directory moves the file into it and answers true',
    async run(lab) {
      await put(lab, 'f', 'x');
      await mkdirs(lab, 'd');

      says(await rename(lab, 'f', 'd'), true);

      assert.equal(await textOf(lab, 'd/f'), 'x');
    },
  },
  {
    name: 'RENAME onto a directory that has such a file answers false',
    async run(lab) {
      await put(lab, 'f', 'mine');
      await put(lab, 'd/f', 'theirs');

      says(await rename(lab, 'f', 'd'), false);

      assert.deepEqual([await textOf(lab, 'f'), await textOf(lab, 'd/f')], ['mine', 'theirs']);
    },
  },
  {
    name: 'RENAME of a file onto itself answers true',
    async run(lab) {
      await put(lab, 'f', 'x');

      says(await rename(lab, 'f', 'f'), true);

      assert.equal(await textOf(lab, 'f'), 'x');
    },
  },
  {
    name: 'RENAME of a directory into itself answers false',
    async run(lab) {
      await mkdirs(lab, 'd/e');

      says(await rename(lab, 'd', 'd/e/f'), false);
    },
  },
  {
    name: 'RENAME to a file below a file is refused',
    async run(lab) {
      await put(lab, 'f', 'x');
      await put(lab, 'g', 'x');

      refused(lab, await rename(lab, 'f', 'g/h'), 403, 'ParentNotDirectoryException');
    },
  },
  {
    name: 'a strict RENAME (renameoptions=NONE) answers 200 without a body',
    async run(lab) {
      await put(lab, 'f', 'x');

      done(await rename(lab, 'f', 'g', 'NONE'));

      assert.equal(await textOf(lab, 'g'), 'x');
    },
  },
  {
    name: 'a strict RENAME says which is missing: the source or the directory of the target',
    async run(lab) {
      await put(lab, 'f', 'x');

      refused(lab, await rename(lab, 'none', 'g', 'NONE'), 404, 'FileNotFoundException');
      refused(lab, await rename(lab, 'f', 'none/g', 'NONE'), 404, 'FileNotFoundException');
    },
  },
  {
    name: 'a strict RENAME is refused when the target is taken, by a file or by a directory',
    async run(lab) {
      await put(lab, 'f', 'mine');
      await put(lab, 'g', 'theirs');
      await mkdirs(lab, 'd');

      refused(lab, await rename(lab, 'f', 'g', 'NONE'), 403, 'FileAlreadyExistsException');
      refused(lab, await rename(lab, 'f', 'f', 'NONE'), 403, 'FileAlreadyExistsException');
      refused(lab, await rename(lab, 'f', 'd', 'NONE'), 403, 'IOException');

      assert.deepEqual([await textOf(lab, 'f'), await textOf(lab, 'g')], ['mine', 'theirs']);
    },
  },
  {
    name: 'RENAME with renameoptions=OVERWRITE replaces a file, but not a directory and not itself',
    async run(lab) {
      await put(lab, 'f', 'mine');
      await put(lab, 'g', 'theirs');
      await mkdirs(lab, 'd');

      done(await rename(lab, 'f', 'g', 'OVERWRITE'));

      assert.equal(await status(lab, 'f'), undefined);
      assert.equal(await textOf(lab, 'g'), 'mine');
      refused(lab, await rename(lab, 'g', 'g', 'OVERWRITE'), 403, 'FileAlreadyExistsException');
      refused(lab, await rename(lab, 'g', 'd', 'OVERWRITE'), 403, 'IOException');
    },
  },
  {
    name: 'RENAME needs an absolute target',
    async run(lab) {
      await put(lab, 'f', 'x');

      refused(lab, await call(lab, 'RENAME', 'f', { destination: 'g' }), 400, 'IllegalArgumentException');
      refused(lab, await call(lab, 'RENAME', 'f'), 400, 'IllegalArgumentException');
    },
  },
  {
    name: 'DELETE answers true for what was there and false for what was not',
    async run(lab) {
      await put(lab, 'f', 'x');

      says(await call(lab, 'DELETE', 'f'), true);
      says(await call(lab, 'DELETE', 'f'), false);
      says(await call(lab, 'DELETE', 'none/f', { recursive: true }), false);

      assert.equal(await status(lab, 'f'), undefined);
    },
  },
  {
    name: 'DELETE takes a directory with something in it only when it is recursive',
    async run(lab) {
      await put(lab, 'd/e/f', 'x');

      refused(lab, await call(lab, 'DELETE', 'd'), 403, 'PathIsNotEmptyDirectoryException');
      says(await call(lab, 'DELETE', 'd', { recursive: true }), true);

      assert.equal(await status(lab, 'd'), undefined);
    },
  },
  {
    name: 'MKDIRS makes a directory with its parents, and answers true for one that is there',
    async run(lab) {
      says(await call(lab, 'MKDIRS', 'a/b/c'), true);
      says(await call(lab, 'MKDIRS', 'a/b/c'), true);

      assert.equal((await status(lab, 'a/b'))?.type, 'DIRECTORY');
      assert.equal((await status(lab, 'a/b'))?.permission, '755');
    },
  },
  {
    name: 'MKDIRS is refused where a file is, and below one',
    async run(lab) {
      await put(lab, 'f', 'x');

      refused(lab, await call(lab, 'MKDIRS', 'f'), 403, 'FileAlreadyExistsException');
      refused(lab, await call(lab, 'MKDIRS', 'f/d'), 403, 'ParentNotDirectoryException');
      assert.equal(await status(lab, 'f/d'), undefined);
    },
  },
];
