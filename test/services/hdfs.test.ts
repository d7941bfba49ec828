import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import {
  call,
  type HdfsLab,
  lengthOf,
  openUpload,
  put,
  refused,
  status,
  textOf,
} from '../../testing/hdfs/cases/lab.ts';
import { nodeWire } from '../../testing/hdfs/node-wire.ts';
import { sharedHdfs, testHdfs } from './hdfs.ts';
import { waitFor } from './wait.ts';

const labOf = (url: string): HdfsLab => ({
  kind: 'nameNode',
  wire: nodeWire(),
  url,
  dir: '',
  user: 'hdfs',
  pause: () => new Promise((resolve) => setTimeout(resolve, 50)),
});

test('NameNode and DataNode that were killed, each alone and both, come back on their ports with what they had', async (t) => {
  const hdfs = await testHdfs(t);
  if (hdfs === undefined) return;
  const lab = labOf(hdfs.urls[0] ?? '');
  const [nameNode, dataNode] = [hdfs.nameNodes[0], hdfs.dataNodes[0]];
  assert.ok(nameNode && dataNode);
  const reads = (name: string, text: string) =>
    waitFor(async () => (await textOf(lab, name)) === text, { what: `${name} with its text` });
  await put(lab, 'kept/f', 'hello');

  await nameNode.kill();
  await assert.rejects(call(lab, 'GETFILESTATUS', 'kept/f'), { code: 'ECONNREFUSED' });
  await nameNode.start();
  await hdfs.ready();
  // The DataNode finds out by the first request that its connection to the NameNode is gone, and refuses it: EOFException.
  await reads('kept/f', 'hello');

  await dataNode.kill();
  assert.equal(await lengthOf(lab, 'kept/f'), 5);
  await assert.rejects(textOf(lab, 'kept/f'), { code: 'ECONNREFUSED' });
  await dataNode.start();
  assert.equal(await textOf(lab, 'kept/f'), 'hello');

  await Promise.all([nameNode.stop(), dataNode.stop()]);
  await Promise.all([nameNode.start(), dataNode.start()]);
  await hdfs.ready();
  assert.equal(await textOf(lab, 'kept/f'), 'hello');

  await hdfs.stop();
  assert.equal(existsSync(hdfs.dir), false);
});

test('a lease whose DataNode was killed is let go of on demand, with what had come', async (t) => {
  const hdfs = await testHdfs(t);
  if (hdfs === undefined) return;
  const lab = labOf(hdfs.urls[0] ?? '');
  const opened = await openUpload(lab, 'f', 'hello');
  await hdfs.dataNodes[0]?.kill();
  await assert.rejects(opened.finish());
  await hdfs.dataNodes[0]?.start();
  refused(lab, await call(lab, 'TRUNCATE', 'f', { newlength: 0 }), 403, 'AlreadyBeingCreatedException');

  await hdfs.recoverLease('/f');

  await waitFor(async () => (await call(lab, 'TRUNCATE', 'f', { newlength: 0 })).status === 200, {
    what: 'a file that nobody writes',
  });
});

test('of two NameNodes the one that is told to is active, also when the other one is dead', async (t) => {
  const hdfs = await testHdfs(t, { ha: true });
  if (hdfs === undefined) return;
  const [first, second] = hdfs.urls.map(labOf);
  assert.ok(first && second);
  await put(first, 'f', 'hello');
  refused(second, await call(second, 'GETFILESTATUS', 'f'), 403, 'StandbyException');

  await hdfs.nameNodes[0]?.kill();
  await hdfs.activate(1);
  await hdfs.ready();
  assert.equal(await textOf(second, 'f'), 'hello');

  await hdfs.nameNodes[0]?.start();
  refused(first, await call(first, 'GETFILESTATUS', 'f'), 403, 'StandbyException');
});

test('tests of one process share one cluster', async (t) => {
  const hdfs = await sharedHdfs(t);
  if (hdfs === undefined) return;

  assert.equal(await sharedHdfs(t), hdfs);
  assert.equal((await status(labOf(hdfs.urls[0] ?? ''), ''))?.type, 'DIRECTORY');
});
