import assert from 'node:assert/strict';
import {
  at,
  call,
  describe,
  type HdfsCase,
  jsonOf,
  locate,
  mkdirs,
  namesIn,
  put,
  read,
  refused,
  status,
  textOf,
  upload,
  write,
} from './lab.ts';

/** Files by CREATE, APPEND and OPEN, one writer at a time. */
export const writingCases: readonly HdfsCase[] = [
  {
    name: 'CREATE with noredirect answers 200 and where to send the bytes, and makes nothing',
    async run(lab) {
      const answer = await call(lab, 'CREATE', 'f', { noredirect: true, overwrite: false });

      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'application/json');
      const location = new URL((jsonOf(answer) as { Location: string }).Location);
      assert.equal(decodeURIComponent(location.pathname), `/webhdfs/v1${at(lab, 'f')}`);
      assert.equal(location.searchParams.get('op'), 'CREATE');
      assert.deepEqual(await namesIn(lab, ''), []);
    },
  },
  {
    name: 'CREATE without noredirect is sent on with 307, to the same place',
    async run(lab) {
      const answer = await call(lab, 'CREATE', 'f', { overwrite: false });

      assert.equal(answer.status, 307);
      assert.equal(answer.body.length, 0);
      const { location = '' } = answer.headers;
      assert.equal((await lab.wire.send(upload('CREATE', location, 'hello'))).status, 201);
      assert.equal(await textOf(lab, 'f'), 'hello');
    },
  },
  {
    name: 'a file is there, whole and closed, when its bytes are answered with 201',
    async run(lab) {
      const answer = await write(lab, 'f', 'hello');

      assert.equal(answer.status, 201, describe(answer));
      const found = await status(lab, 'f');
      assert.equal(found?.type, 'FILE');
      assert.equal(found?.length, 5);
      assert.equal(found?.owner, lab.user);
      assert.equal(found?.pathSuffix, '');
      assert.equal(await textOf(lab, 'f'), 'hello');
    },
  },
  {
    name: 'a DataNode says 100 although nobody expects it, then 201 without a body and the path in a header',
    async run(lab) {
      const answer = await write(lab, 'f', 'hello');

      assert.equal(answer.interim ?? 1, 1);
      assert.equal(answer.body.length, 0);
      assert.match(answer.headers.location ?? '', new RegExp(`^hdfs://[^/]+${at(lab, 'f')}$`));
    },
  },
  {
    name: 'a file without bytes is a file',
    async run(lab) {
      await put(lab, 'f', '');

      assert.equal((await status(lab, 'f'))?.length, 0);
      assert.equal(await textOf(lab, 'f'), '');
    },
  },
  {
    name: 'missing parents are made',
    async run(lab) {
      await put(lab, 'a/b/f', 'x');

      assert.equal((await status(lab, 'a/b'))?.type, 'DIRECTORY');
    },
  },
  {
    name: 'a name that is taken is refused only once the bytes come, and keeps what it has',
    async run(lab) {
      await put(lab, 'f', 'first');

      const answer = await write(lab, 'f', 'second', { overwrite: false });

      refused(lab, answer, 403, 'FileAlreadyExistsException');
      assert.equal(await textOf(lab, 'f'), 'first');
    },
  },
  {
    name: 'overwrite is off unless it is asked for',
    async run(lab) {
      await put(lab, 'f', 'first');

      refused(lab, await write(lab, 'f', 'second'), 403, 'FileAlreadyExistsException');
      assert.equal(await textOf(lab, 'f'), 'first');
    },
  },
  {
    name: 'overwrite=true replaces a file',
    async run(lab) {
      await put(lab, 'f', 'first');

      await put(lab, 'f', 'second', { overwrite: true });

      assert.equal(await textOf(lab, 'f'), 'second');
    },
  },
  {
    name: 'the same place given out twice makes one file: the second sender is refused',
    async run(lab) {
      const url = await locate(lab, 'CREATE', 'f', { overwrite: false });

      assert.equal((await lab.wire.send(upload('CREATE', url, 'one'))).status, 201);
      refused(lab, await lab.wire.send(upload('CREATE', url, 'two')), 403, 'FileAlreadyExistsException');
      assert.equal(await textOf(lab, 'f'), 'one');
    },
  },
  {
    name: 'a directory is not written over, and a file has nothing below it',
    async run(lab) {
      await mkdirs(lab, 'd');
      await put(lab, 'f', 'x');

      refused(lab, await write(lab, 'd', 'x', { overwrite: false }), 403, 'FileAlreadyExistsException');
      refused(lab, await write(lab, 'd', 'x', { overwrite: true }), 403, 'FileAlreadyExistsException');
      refused(lab, await write(lab, 'f/below', 'x', { overwrite: false }), 403, 'ParentNotDirectoryException');
    },
  },
  {
    name: 'a file gets the permission, replication and block size that were asked for, and 644 without',
    async run(lab) {
      await put(lab, 'f', 'x', { permission: 640, replication: 1, blocksize: 1_048_576 });
      await put(lab, 'g', 'x');

      const found = await status(lab, 'f');
      assert.equal(found?.permission, '640');
      assert.equal(found?.replication, 1);
      assert.equal(found?.blockSize, 1_048_576);
      assert.equal((await status(lab, 'g'))?.permission, '644');
    },
  },
  {
    name: 'APPEND adds to a file, and needs one',
    async run(lab) {
      await put(lab, 'f', 'one');

      const answer = await write(lab, 'f', '+two', { op: 'APPEND' });

      assert.equal(answer.status, 200, describe(answer));
      assert.equal(await textOf(lab, 'f'), 'one+two');
      refused(lab, await call(lab, 'APPEND', 'none', { noredirect: true }), 404, 'FileNotFoundException');
    },
  },
  {
    name: 'a part of a file is read by offset and length',
    async run(lab) {
      await put(lab, 'f', 'hello world');

      assert.equal(await textOf(lab, 'f', { offset: 6 }), 'world');
      assert.equal(await textOf(lab, 'f', { offset: 4, length: 3 }), 'o w');
      assert.equal(await textOf(lab, 'f', { offset: 6, length: 99 }), 'world');
    },
  },
  {
    name: 'reading from behind the end is refused',
    async run(lab) {
      await put(lab, 'f', 'hello');

      refused(lab, await call(lab, 'OPEN', 'f', { offset: 6, noredirect: true }), 403, 'IOException');
    },
  },
  {
    name: 'what is not there is not read, and neither is a directory',
    async run(lab) {
      await mkdirs(lab, 'd');

      refused(lab, await call(lab, 'OPEN', 'none', { noredirect: true }), 404, 'FileNotFoundException');
      const answer = await read(lab, 'd');
      refused(lab, answer, 404, 'FileNotFoundException');
    },
  },
];
