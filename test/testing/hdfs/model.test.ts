import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  call,
  type HdfsLab,
  lengthOf,
  locate,
  mkdirs,
  openUpload,
  put,
  refused,
  rename,
  says,
  textOf,
  upload,
  write,
} from '../../../testing/hdfs/cases/lab.ts';
import { NoAnswer, refusal } from '../../../testing/hdfs/errors.ts';
import { HdfsModel, type HdfsModelOptions } from '../../../testing/hdfs/model.ts';
import { modelWire } from '../../../testing/hdfs/model-wire.ts';

const nameNodes = ['http://nn1.test:9870', 'http://nn2.test:9870'];
const [first = '', second = ''] = nameNodes;
const gateway = 'http://gateway.test:14000';

interface Watch {
  nowMs: number;
}

function started(options: HdfsModelOptions = {}): { model: HdfsModel; lab: HdfsLab; clock: Watch } {
  const clock = { nowMs: 1_000 };
  const model = new HdfsModel({ nowMs: () => clock.nowMs, ...options });
  const lab: HdfsLab = {
    kind: 'nameNode',
    wire: modelWire(model),
    url: model.nameNodes[0]?.url ?? '',
    dir: '',
    user: 'hdfs',
    pause: async () => {},
  };
  return { model, lab, clock };
}

test('a file whose DataNode was killed keeps others out for a minute, and is closed soon after one asks for it', async () => {
  const { model, lab, clock } = started();
  const opened = await openUpload(lab, 'f', 'hello');
  model.killDataNode();
  await assert.rejects(opened.finish(), { code: 'ECONNRESET' });
  model.startDataNode();

  refused(lab, await write(lab, 'f', '!', { op: 'APPEND' }), 403, 'AlreadyBeingCreatedException');
  assert.equal(await lengthOf(lab, 'f'), 0);
  clock.nowMs += 60_000;
  refused(lab, await write(lab, 'f', '!', { op: 'APPEND' }), 403, 'RecoveryInProgressException');
  assert.equal(await lengthOf(lab, 'f'), 0);
  clock.nowMs += 3_000;

  assert.equal(await lengthOf(lab, 'f'), 5);
  assert.equal((await write(lab, 'f', '!', { op: 'APPEND' })).status, 200);
  assert.equal(await textOf(lab, 'f'), 'hello!');
});

test('a file whose DataNode was killed can be renamed, deleted and replaced at once', async () => {
  const { model, lab } = started();
  for (const name of ['a', 'b', 'c']) await openUpload(lab, name, 'old');
  model.killDataNode();
  model.startDataNode();

  says(await rename(lab, 'a', 'moved'), true);
  says(await call(lab, 'DELETE', 'b'), true);
  await put(lab, 'c', 'new', { overwrite: true });

  assert.equal(await lengthOf(lab, 'moved'), 0);
  assert.equal(await textOf(lab, 'c'), 'new');
});

test('a NameNode closes by itself, after twenty minutes, what nobody asked for', async () => {
  const { model, lab, clock } = started();
  await openUpload(lab, 'f', 'hello');
  model.killDataNode();

  clock.nowMs += 20 * 60_000;

  assert.equal(await lengthOf(lab, 'f'), 5);
});

test('a NameNode that is down refuses connections, and has what it had when it is back', async () => {
  const { model, lab } = started();
  await put(lab, 'f', 'x');
  const [nameNode] = model.nameNodes;
  assert.ok(nameNode);

  nameNode.state = 'down';
  await assert.rejects(lengthOf(lab, 'f'), { code: 'ECONNREFUSED' });
  model.restartNameNode();

  assert.equal(await lengthOf(lab, 'f'), 1);
  const url = await locate(lab, 'CREATE', 'g', { overwrite: false });
  refused(lab, await lab.wire.send(upload('CREATE', url, 'x')), 403, 'EOFException');
  assert.equal(await lengthOf(lab, 'g'), undefined);
  assert.equal((await lab.wire.send(upload('CREATE', url, 'x'))).status, 201);
});

test('a DataNode says at once that the only NameNode is gone, and the file that was to be closed stays open', async () => {
  const { model, lab } = started();
  const url = await locate(lab, 'CREATE', 'f', { overwrite: false });
  const opened = await openUpload(lab, 'open', 'hello');
  const [nameNode] = model.nameNodes;
  assert.ok(nameNode);

  nameNode.state = 'down';
  refused(lab, await lab.wire.send(upload('CREATE', url, 'x')), 403, 'ConnectException');
  refused(lab, await opened.finish(), 403, 'ConnectException');
  nameNode.state = 'active';

  assert.equal(await lengthOf(lab, 'f'), undefined);
  assert.equal(await lengthOf(lab, 'open'), 0);
  refused(lab, await write(lab, 'open', 'x', { overwrite: false }), 403, 'AlreadyBeingCreatedException');
});

test('with no active one of two NameNodes a DataNode says nothing at all', async () => {
  const { model, lab } = started({ nameNodes });
  const url = await locate(lab, 'CREATE', 'f', { overwrite: false });

  for (const state of ['standby', 'down'] as const) {
    for (const nameNode of model.nameNodes) nameNode.state = state;
    await assert.rejects(lab.wire.send(upload('CREATE', url, 'x')), NoAnswer);
  }

  model.activate(1);
  assert.equal((await lab.wire.send(upload('CREATE', url, 'x'))).status, 201);
});

test('the gateway follows a failover by itself', async () => {
  const { model, lab } = started({ nameNodes, gateway });
  await put({ ...lab, kind: 'gateway', url: gateway }, 'f', 'x');

  model.activate(1);

  assert.equal(await textOf({ ...lab, kind: 'gateway', url: gateway }, 'f'), 'x');
  assert.deepEqual([(await call(lab, 'GETFILESTATUS', 'f')).status, first], [403, lab.url]);
  assert.equal(await lengthOf({ ...lab, url: second }, 'f'), 1);
});

test('requests are counted by who gets them', async () => {
  const { model, lab } = started();

  await put(lab, 'f', 'x');
  says(await rename(lab, 'f', 'g'), true);

  assert.deepEqual(Object.fromEntries(model.requestCounts), {
    'nameNode.CREATE': 1,
    'dataNode.CREATE': 1,
    'nameNode.RENAME': 1,
  });
});

test('an answer can be put in the place of an effect', async () => {
  let isBusy = true;
  const { lab } = started({
    intervene: (_, label) =>
      isBusy && label === 'hdfs.MKDIRS /d' ? refusal('RetriableException', 'Server too busy') : undefined,
  });

  refused(lab, await call(lab, 'MKDIRS', 'd'), 403, 'RetriableException');
  isBusy = false;
  await mkdirs(lab, 'd');
});

test('a shortened file shows its old length until the DataNodes have agreed', async () => {
  const { lab, clock } = started();
  await put(lab, 'f', 'hello');

  says(await call(lab, 'TRUNCATE', 'f', { newlength: 2 }), false);
  assert.equal(await lengthOf(lab, 'f'), 5);
  refused(lab, await write(lab, 'f', '!', { op: 'APPEND' }), 403, 'RecoveryInProgressException');
  clock.nowMs += 1_000;

  assert.equal(await textOf(lab, 'f'), 'he');
  says(await call(lab, 'TRUNCATE', 'f', { newlength: 2 }), true);
});

test('CONCAT joins files in the order they are named in, and takes their names', async () => {
  const { model, lab } = started();
  for (const name of ['a', 'b', 'c']) await put(lab, name, name);

  assert.equal((await call(lab, 'CONCAT', 'a', { sources: '/c,/b' })).status, 200);

  assert.deepEqual(
    model.files().map(([path, { bytes }]) => [path, bytes.toString()]),
    [['/a', 'acb']],
  );
});
