import assert from 'node:assert/strict';
import {
  beingWritten,
  call,
  describe,
  type HdfsCase,
  lengthOf,
  openUpload,
  put,
  refused,
  rename,
  says,
  status,
  textOf,
  until,
  write,
} from './lab.ts';

/** What happens to a file that somebody is still writing, and to the writer. */
export const openFileCases: readonly HdfsCase[] = [
  {
    name: 'a file under way has its name already, and the length 0 for as long as its first block is open',
    async run(lab) {
      const opened = await openUpload(lab, 'f', 'hello');

      assert.equal(await lengthOf(lab, 'f'), 0);
      await opened.write(Buffer.from(' world'));
      const answer = await opened.finish();

      assert.equal(answer.status, 201, describe(answer));
      assert.equal(await lengthOf(lab, 'f'), 11);
      assert.equal(await textOf(lab, 'f'), 'hello world');
    },
  },
  {
    name: 'a connection that breaks leaves a closed file with what had come, which looks like any other',
    async run(lab) {
      const opened = await openUpload(lab, 'f', 'hello');

      await opened.cut();

      await until(lab, 'the file is closed with 5 bytes', async () => (await lengthOf(lab, 'f')) === 5);
      assert.equal(await textOf(lab, 'f'), 'hello');
      await until(lab, 'nobody is writing it', async () => {
        const answer = await write(lab, 'f', ' world', { op: 'APPEND' });
        if (answer.status !== 200) refused(lab, answer, 403, beingWritten(lab));
        return answer.status === 200;
      });
      assert.equal(await textOf(lab, 'f'), 'hello world');
    },
  },
  {
    name: 'a broken connection is no reason to refuse a new file under the name of the old one, when it may replace it',
    async run(lab) {
      const opened = await openUpload(lab, 'f', 'hel');
      await opened.cut();
      // The length shows a moment before the writer has let go.
      await until(lab, 'nobody is writing it', async () => {
        const answer = await write(lab, 'f', 'again', { overwrite: false });
        refused(lab, answer, 403, 'FileAlreadyExistsException', beingWritten(lab));
        return answer.body.includes('FileAlreadyExistsException');
      });
      await put(lab, 'f', 'again', { overwrite: true });

      assert.equal(await textOf(lab, 'f'), 'again');
    },
  },
  {
    name: 'a name that somebody else is writing to is refused as being created',
    async run(lab) {
      const opened = await openUpload(lab, 'f', 'first');

      refused(lab, await write(lab, 'f', 'second', { overwrite: false }), 403, beingWritten(lab));
      refused(lab, await write(lab, 'f', 'second', { op: 'APPEND' }), 403, beingWritten(lab));

      assert.equal((await opened.finish()).status, 201);
      assert.equal(await textOf(lab, 'f'), 'first');
    },
  },
  {
    name: 'overwrite=true takes a file from its writer, who is told when it is done',
    async run(lab) {
      const old = await openUpload(lab, 'f', 'old');

      await put(lab, 'f', 'new', { overwrite: true });

      refused(lab, await old.finish(), 404, 'FileNotFoundException');
      assert.equal(await textOf(lab, 'f'), 'new');
    },
  },
  {
    name: 'a file that is renamed while it is written goes on growing under its new name, and its writer hears of nothing',
    async run(lab) {
      const opened = await openUpload(lab, 'f', 'before');

      says(await rename(lab, 'f', 'g'), true);
      await opened.write(Buffer.from(' after'));
      const answer = await opened.finish();

      assert.equal(answer.status, 201, describe(answer));
      assert.equal(await status(lab, 'f'), undefined);
      assert.equal(await textOf(lab, 'g'), 'before after');
    },
  },
  {
    name: 'a file whose directory is renamed while it is written goes with it',
    async run(lab) {
      const opened = await openUpload(lab, 'd/f', 'before');

      says(await rename(lab, 'd', 'e'), true);

      assert.equal((await opened.finish()).status, 201);
      assert.equal(await textOf(lab, 'e/f'), 'before');
    },
  },
  {
    name: 'a file that is deleted while it is written stays deleted, and its writer is told when it is done',
    async run(lab) {
      const opened = await openUpload(lab, 'f', 'x');

      says(await call(lab, 'DELETE', 'f'), true);

      refused(lab, await opened.finish(), 404, 'FileNotFoundException');
      assert.equal(await status(lab, 'f'), undefined);
    },
  },
  {
    name: 'a name may be given to a new file while the old one is written on elsewhere',
    async run(lab) {
      const old = await openUpload(lab, 'f', 'old');
      says(await rename(lab, 'f', 'g'), true);

      await put(lab, 'f', 'new', { overwrite: false });

      assert.equal((await old.finish()).status, 201);
      assert.deepEqual([await textOf(lab, 'f'), await textOf(lab, 'g')], ['new', 'old']);
    },
  },
  {
    name: 'an APPEND that breaks off has added what had come',
    async run(lab) {
      await put(lab, 'f', 'one');
      const opened = await openUpload(lab, 'f', '+two', { op: 'APPEND' });

      await opened.cut();

      await until(lab, 'the file is closed with 7 bytes', async () => (await lengthOf(lab, 'f')) === 7);
      assert.equal(await textOf(lab, 'f'), 'one+two');
    },
  },
];
