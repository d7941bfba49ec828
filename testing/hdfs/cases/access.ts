import assert from 'node:assert/strict';
import { call, done, type HdfsCase, jsonOf, mkdirs, put, read, refused, status, write } from './lab.ts';

const other = { user: 'ann' } as const;

/** Owners, permissions, quotas, and operations that are none. */
export const accessCases: readonly HdfsCase[] = [
  {
    name: 'somebody else may read, and neither make, rename nor delete',
    async run(lab) {
      await put(lab, 'f', 'x');

      assert.equal((await read(lab, 'f', other)).status, 200);
      refused(lab, await call(lab, 'MKDIRS', 'd', other), 403, 'AccessControlException');
      refused(lab, await call(lab, 'DELETE', 'f', other), 403, 'AccessControlException');
      const destination = `${lab.dir}/g`;
      refused(lab, await call(lab, 'RENAME', 'f', { destination, ...other }), 403, 'AccessControlException');
      refused(lab, await call(lab, 'SETPERMISSION', 'f', { permission: 777, ...other }), 403, 'AccessControlException');
    },
  },
  {
    name: 'somebody who may not write is told so only once the bytes come',
    async run(lab) {
      refused(lab, await write(lab, 'f', 'x', { overwrite: false, ...other }), 403, 'AccessControlException');

      assert.equal(await status(lab, 'f'), undefined);
    },
  },
  {
    name: 'what somebody makes is theirs, of the group of its directory',
    async run(lab) {
      await mkdirs(lab, 'open');
      done(await call(lab, 'SETPERMISSION', 'open', { permission: 777 }));

      await put(lab, 'open/f', 'x', { overwrite: false, ...other });

      const found = await status(lab, 'open/f');
      assert.deepEqual([found?.owner, found?.group], ['ann', (await status(lab, 'open'))?.group]);
    },
  },
  {
    name: 'a file without read permission is not read by others, and a directory not entered',
    async run(lab) {
      await put(lab, 'd/f', 'x', { permission: 600 });
      refused(lab, await call(lab, 'OPEN', 'd/f', { noredirect: true, ...other }), 403, 'AccessControlException');

      done(await call(lab, 'SETPERMISSION', 'd', { permission: 700 }));

      refused(lab, await call(lab, 'GETFILESTATUS', 'd/f', other), 403, 'AccessControlException');
      refused(lab, await call(lab, 'LISTSTATUS', 'd', other), 403, 'AccessControlException');
    },
  },
  {
    name: 'in a sticky directory everybody may make files and nobody delete those of others',
    async run(lab) {
      await mkdirs(lab, 'open');
      done(await call(lab, 'SETPERMISSION', 'open', { permission: 1777 }));
      await put(lab, 'open/f', 'x', { user: 'ben' });

      refused(lab, await call(lab, 'DELETE', 'open/f', other), 403, 'AccessControlException');
      const destination = `${lab.dir}/open/g`;
      refused(lab, await call(lab, 'RENAME', 'open/f', { destination, ...other }), 403, 'AccessControlException');
    },
  },
  {
    name: 'SETOWNER and SETPERMISSION show at once',
    async run(lab) {
      await put(lab, 'f', 'x');

      done(await call(lab, 'SETOWNER', 'f', { owner: 'ann', group: 'etl' }));
      done(await call(lab, 'SETPERMISSION', 'f', { permission: 640 }));

      const found = await status(lab, 'f');
      assert.deepEqual([found?.owner, found?.group, found?.permission], ['ann', 'etl', '640']);
    },
  },
  {
    name: 'CHECKACCESS answers 200 where it is allowed and is refused where it is not',
    async run(lab) {
      done(await call(lab, 'CHECKACCESS', '', { fsaction: 'rwx' }));
      done(await call(lab, 'CHECKACCESS', '', { fsaction: 'r-x', ...other }));
      refused(lab, await call(lab, 'CHECKACCESS', '', { fsaction: '-w-', ...other }), 403, 'AccessControlException');
    },
  },
  {
    name: 'an operation that does not exist, or not with that method, is refused with 400',
    async run(lab) {
      refused(lab, await call(lab, 'BOGUS', ''), 400, 'IllegalArgumentException');
      const url = `${lab.url}/webhdfs/v1${lab.dir}?op=GETFILESTATUS&user.name=${lab.user}`;
      refused(lab, await lab.wire.send({ method: 'PUT', url, headers: {} }), 400, 'IllegalArgumentException');
    },
  },
  {
    name: 'a quota of names is refused with NSQuotaExceededException: making, writing and moving into',
    async run(lab) {
      await mkdirs(lab, 'q');
      await put(lab, 'f', 'x');
      done(await call(lab, 'SETQUOTA', 'q', { namespacequota: 2 }));
      await put(lab, 'q/one', 'x');

      refused(lab, await call(lab, 'MKDIRS', 'q/two'), 403, 'NSQuotaExceededException');
      refused(lab, await write(lab, 'q/two', 'x', { overwrite: false }), 403, 'NSQuotaExceededException');
      const destination = `${lab.dir}/q/two`;
      refused(lab, await call(lab, 'RENAME', 'f', { destination }), 403, 'NSQuotaExceededException');

      const { ContentSummary } = jsonOf(await call(lab, 'GETCONTENTSUMMARY', 'q')) as {
        ContentSummary: Record<string, unknown>;
      };
      assert.equal(ContentSummary.quota, 2);
    },
  },
  {
    name: 'a quota of space counts whole blocks, and leaves a closed file without bytes behind',
    async run(lab) {
      await mkdirs(lab, 'q');
      done(await call(lab, 'SETQUOTA', 'q', { storagespacequota: 1_048_576 }));

      const answer = await write(lab, 'q/f', 'x', { overwrite: false, blocksize: 2_097_152 });

      refused(lab, answer, 403, 'DSQuotaExceededException');
      assert.equal((await status(lab, 'q/f'))?.length, 0);
      await put(lab, 'q/g', 'x', { overwrite: false, blocksize: 1_048_576 });
    },
  },
];
