import assert from 'node:assert/strict';
import type { HdfsResponse } from '../http.ts';
import {
  call,
  type HdfsCase,
  type HdfsControls,
  locate,
  mkdirs,
  put,
  refused,
  rename,
  status,
  textOf,
  until,
  upload,
  write,
} from './lab.ts';

/** What a whole cluster may be in: a pair of NameNodes, safe mode, no DataNode. */
export const clusterCases: readonly HdfsCase[] = [
  {
    name: 'a standby refuses to read and to change names with StandbyException',
    needsControls: true,
    async run(lab) {
      const on = { on: controlsOf(lab).standbyUrl };
      await put(lab, 'f', 'x');

      refused(lab, await call(lab, 'GETFILESTATUS', '', on), 403, 'StandbyException');
      refused(lab, await call(lab, 'LISTSTATUS', '', on), 403, 'StandbyException');
      refused(lab, await call(lab, 'MKDIRS', 'd', on), 403, 'StandbyException');
      refused(lab, await call(lab, 'DELETE', 'f', on), 403, 'StandbyException');
      refused(lab, await call(lab, 'RENAME', 'f', { destination: `${lab.dir}/g`, ...on }), 403, 'StandbyException');
      refused(lab, await call(lab, 'OPEN', 'f', { noredirect: true, ...on }), 403, 'StandbyException');
      refused(lab, await call(lab, 'APPEND', 'f', { noredirect: true, ...on }), 403, 'StandbyException');
    },
  },
  {
    name: 'a standby says where to send the bytes of a new file, and they make one',
    needsControls: true,
    async run(lab) {
      const url = await locate(lab, 'CREATE', 'f', { overwrite: false, on: controlsOf(lab).standbyUrl });

      assert.equal((await lab.wire.send(upload('CREATE', url, 'x'))).status, 201);
      assert.equal(await textOf(lab, 'f'), 'x');
    },
  },
  {
    name: 'a place that was given out before a failover is good after it, and the two have changed places',
    needsControls: true,
    async run(lab) {
      const controls = controlsOf(lab);
      const url = await locate(lab, 'CREATE', 'f', { overwrite: false });

      await controls.failOver();
      try {
        refused(lab, await call(lab, 'GETFILESTATUS', ''), 403, 'StandbyException');
        assert.equal((await call(lab, 'GETFILESTATUS', '', { on: controls.standbyUrl })).status, 200);
        assert.equal((await lab.wire.send(upload('CREATE', url, 'x'))).status, 201);
      } finally {
        await controls.failBack();
      }

      assert.equal(await textOf(lab, 'f'), 'x');
    },
  },
  {
    name: 'in safe mode everything can be read and nothing changed; a new file is refused only once its bytes come',
    needsControls: true,
    async run(lab) {
      await put(lab, 'f', 'x');
      const controls = controlsOf(lab);

      await controls.setSafeMode(true);
      try {
        assert.equal(await textOf(lab, 'f'), 'x');
        refused(lab, await write(lab, 'g', 'x', { overwrite: false }), 403, 'SafeModeException');
        refused(lab, await write(lab, 'f', 'x', { op: 'APPEND' }), 403, 'SafeModeException');
        refused(lab, await rename(lab, 'f', 'g'), 403, 'SafeModeException');
        refused(lab, await rename(lab, 'f', 'g', 'NONE'), 403, 'SafeModeException');
        refused(lab, await call(lab, 'MKDIRS', 'd'), 403, 'SafeModeException');
        refused(lab, await call(lab, 'DELETE', 'f'), 403, 'SafeModeException');
        refused(lab, await call(lab, 'SETPERMISSION', 'f', { permission: 600 }), 403, 'SafeModeException');
      } finally {
        await controls.setSafeMode(false);
      }

      assert.equal(await status(lab, 'g'), undefined);
      await put(lab, 'g', 'x');
    },
  },
  {
    name: 'a DataNode that is gone is named until it is missed, and then there is none; names can be changed all along',
    needsControls: true,
    async run(lab) {
      await put(lab, 'f', 'x');
      const controls = controlsOf(lab);

      await controls.killDataNodes();
      try {
        const url = await locate(lab, 'CREATE', 'g', { overwrite: false });
        await assert.rejects(lab.wire.send(upload('CREATE', url, 'x')), { code: 'ECONNREFUSED' });
        await mkdirs(lab, 'd');

        await controls.missDataNodes();

        // Counted as dead, it is still named for a moment.
        await until(lab, 'no DataNode is named', async () => {
          const answer = await call(lab, 'CREATE', 'g', { noredirect: true });
          if (answer.status !== 200) refused(lab, answer, 403, 'IOException');
          return answer.status !== 200;
        });
        refused(lab, await call(lab, 'OPEN', 'f', { noredirect: true }), 403, 'IOException');
        const renamed: HdfsResponse = await rename(lab, 'f', 'd/f');
        assert.equal(renamed.status, 200);
      } finally {
        await controls.startDataNodes();
      }

      assert.equal(await textOf(lab, 'd/f'), 'x');
      await put(lab, 'g', 'x');
    },
  },
];

function controlsOf({ controls }: { controls?: HdfsControls }): HdfsControls {
  assert.ok(controls);
  return controls;
}
