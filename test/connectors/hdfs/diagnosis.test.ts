import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireError } from '../../../connectors/hdfs/webhdfs/wire.ts';
import { refusal } from '../../../testing/hdfs/errors.ts';
import type { HdfsModelOptions } from '../../../testing/hdfs/model.ts';
import type { Interpose } from '../../../testing/interposed.ts';
import { clientOn, GATEWAY, ROOT, STORE_ROOT } from './support/scene.ts';
import { Surgery } from './support/surgery.ts';

const ALL_WELL = [
  'good: DataNodes can be written to and read from here',
  'good: the clocks of cluster and machine agree',
  'good: a file is renamed strictly, as by a NameNode itself',
];
const last = (lines: readonly string[]) => lines.at(-1) ?? '';

for (const [place, root] of [
  ['sink', ROOT],
  ['store', STORE_ROOT],
] as const) {
  test(`all is well with a ${place} whose path is there`, async () => {
    const surgery = await new Surgery().make(root);
    const before = surgery.paths();

    const found = await surgery.examine(place);

    assert.deepEqual(found, [
      `good: http://nn1.test:9870 answers, and this user may write into hdfs:${root}`,
      `good: no quota on hdfs:${root} itself`,
      ...ALL_WELL,
    ]);
    assert.deepEqual(surgery.paths(), before);
  });

  test(`all is well with a ${place} whose path is not there yet, and is not there afterwards`, async () => {
    const surgery = await new Surgery().make('/other');
    const before = surgery.paths();

    const found = await surgery.examine(place);

    assert.deepEqual(found, [
      'good: http://nn1.test:9870 answers, and this user may write into hdfs:/',
      `note: hdfs:${root} does not exist yet, so that it has no quota of its own`,
      ...ALL_WELL,
    ]);
    assert.deepEqual(surgery.paths(), before);
  });
}

test('what somebody else puts into a directory that was made for the trial stays', async () => {
  const other = `${ROOT}/t/part`;
  const call: Interpose = async (label, effect) => {
    const answer = await effect();
    if (label.startsWith('hdfs.RENAME')) await clientOn(surgery.model).create(other, Buffer.from('x'));
    return answer;
  };
  const surgery: Surgery = new Surgery({}, { call });

  const found = await surgery.examine();

  assert.deepEqual(found.slice(-3), ALL_WELL);
  assert.deepEqual(
    surgery.model.files().map(([path]) => path),
    [other],
  );
});

test('the active one of two NameNodes is named', async () => {
  const surgery = await new Surgery({ nameNodes: ['http://nn1.test:9870', 'http://nn2.test:9870'] }).make(ROOT);
  surgery.model.activate(1);

  const [first] = await surgery.examine();

  assert.equal(first, `good: http://nn2.test:9870 answers, and this user may write into hdfs:${ROOT}`);
});

test('HttpFS is known by its answers, and that it says less is noted', async () => {
  const surgery = new Surgery({ gateway: GATEWAY }, { throughGateway: true });
  const before = surgery.paths();

  const found = await surgery.examine();

  assert.match(last(found), /^note: HttpFS answers/);
  assert.deepEqual(surgery.paths(), before);
});

test('without an active NameNode nothing else is asked', async () => {
  const surgery = new Surgery();
  surgery.model.activate(1);

  const found = await surgery.examine();

  assert.equal(found.length, 1);
  assert.match(last(found), /^problem: thrown: .*StandbyException/);
});

test('safe mode is told, and nothing is tried in it', async () => {
  const surgery = await new Surgery().make(ROOT);
  surgery.model.safeMode = true;

  const found = await surgery.findings('sink');

  assert.equal(found.at(-1)?.what, 'http://nn1.test:9870 is in safe mode: nothing can be written');
  assert.equal(found.at(-1)?.level, 'problem');
  assert.match(found.at(-1)?.help ?? '', /dfsadmin -safemode get/);
  assert.equal(surgery.model.requestCounts.get('nameNode.CREATE'), undefined);
});

test('a cluster without DataNodes is told', async () => {
  const surgery = await new Surgery().make(ROOT);
  const before = surgery.paths();
  surgery.model.missDataNode();

  const found = await surgery.examine();

  assert.match(last(found), /^problem: thrown: could not write .*Failed to find datanode/);
  assert.deepEqual(surgery.paths(), before);
});

test('a DataNode that does not answer from here is told with the address that the NameNode hands out', async () => {
  const surgery = await new Surgery().make(ROOT);
  const before = surgery.paths();
  surgery.model.killDataNode();

  const found = await surgery.examine();

  assert.match(last(found), /^problem: thrown: could not write .* at DataNode http:\/\/dn1\.test:9864: .*ECONNREFUSED/);
  assert.deepEqual(surgery.paths(), before);
});

test('a user who may not write is told where, and nothing is tried', async () => {
  const surgery = new Surgery({ superuser: 'root' });
  surgery.model.tree.root.mode = 0o777;
  await surgery.make(ROOT);
  surgery.directory(ROOT).owner = 'root';

  const found = await surgery.examine();

  assert.deepEqual(found, [`problem: thrown: sink.path: this user may not write into hdfs:${ROOT}`]);
  assert.equal(surgery.model.requestCounts.get('nameNode.CREATE'), undefined);
});

test('a path that is a file is told', async () => {
  const surgery = new Surgery();
  await clientOn(surgery.model).create(ROOT, Buffer.from('x'));

  const found = await surgery.examine();

  assert.match(last(found), /^problem: thrown: sink\.path: hdfs:\/data\/clicks cannot be a directory/);
});

test('a quota that is nearly used is a warning, one with room is not', async () => {
  const surgery = await new Surgery().make(ROOT, `${ROOT}/a`, `${ROOT}/b`);
  const directory = surgery.directory(ROOT);
  directory.nameQuota = 100;
  const [, roomy] = await surgery.examine();
  for (let n = 0; n < 88; n++) await surgery.make(`${ROOT}/a/${n}`);

  const [, narrow, ...rest] = await surgery.examine();

  assert.equal(roomy, 'good: left by the quota on hdfs:/data/clicks: 97 of 100 names (97 %)');
  assert.equal(narrow, 'warning: left by the quota on hdfs:/data/clicks: 9 of 100 names (9 %)');
  assert.deepEqual(rest, ALL_WELL);
});

test('a quota of space that leaves no room for a block is told with what is left of it', async () => {
  const surgery = await new Surgery().make(ROOT);
  const before = surgery.paths();
  surgery.directory(ROOT).spaceQuota = 1_000;

  const found = await surgery.examine();

  assert.equal(found[1], 'good: left by the quota on hdfs:/data/clicks: 1000 of 1000 bytes with replicas (100 %)');
  assert.match(last(found), /^problem: thrown: .*DSQuotaExceededException/);
  assert.deepEqual(surgery.paths(), before);
});

test('a quota that may not be read is a note', async () => {
  const intervene: HdfsModelOptions['intervene'] = (_, label) =>
    label.startsWith('hdfs.GETCONTENTSUMMARY') ? refusal('AccessControlException', 'Permission denied') : undefined;
  const surgery = await new Surgery({ intervene }).make(ROOT);

  const [, quota, ...rest] = await surgery.examine();

  assert.equal(quota, `note: the quota of hdfs:${ROOT} cannot be read, so nothing is known of it`);
  assert.deepEqual(rest, ALL_WELL);
});

for (const [aheadMs, said] of [
  [90_000, 'warning: the clock of this machine is 90 s behind that of the cluster'],
  [-90_000, 'warning: the clock of this machine is 90 s ahead of that of the cluster'],
  [60_000, 'good: the clocks of cluster and machine agree'],
] as const)
  test(`a cluster whose clock is ${aheadMs / 1_000} s ahead: ${said}`, async () => {
    const surgery = await new Surgery({ aheadMs }).make(ROOT);

    const found = await surgery.examine();

    assert.ok(found.includes(said), found.join('\n'));
  });

for (const [step, told] of [
  ['hdfs.CREATE .* close', /could not write/],
  ['hdfs.OPEN', /could not read/],
  ['hdfs.RENAME', /could not rename/],
] as const)
  test(`nothing is left when no answer comes to ${step}`, async () => {
    const call: Interpose = async (label, effect) => {
      const answer = await effect();
      if (!new RegExp(`^${step}`).test(label)) return answer;
      throw new WireError('socket hang up', { isSent: true, code: 'ECONNRESET' });
    };
    const surgery = await new Surgery({}, { call }).make('/other');
    const before = surgery.paths();

    const found = await surgery.examine();

    assert.match(last(found), told);
    assert.deepEqual(surgery.paths(), before);
  });

test('the file is kept as the files of the sink are, since the cluster may refuse that', async () => {
  const asked: string[] = [];
  const intervene: HdfsModelOptions['intervene'] = ({ url }, label) => {
    if (label.startsWith('hdfs.CREATE')) asked.push(url);
    return undefined;
  };
  const surgery = await new Surgery({ intervene }).make(ROOT);

  await surgery.findings('sink', { permission: '640', replication: 2 });

  assert.ok(asked.length > 0);
  for (const url of asked) assert.match(url, /(?=.*[?&]permission=640\b)(?=.*[?&]replication=2\b)/);
});

test('what cannot be removed is named', async () => {
  const intervene: HdfsModelOptions['intervene'] = (_, label) =>
    label.startsWith('hdfs.DELETE') ? refusal('AccessControlException', 'Permission denied') : undefined;
  const surgery = await new Surgery({ intervene }).make(ROOT);

  const found = await surgery.findings('sink');

  const [left] = surgery.model.files().map(([path]) => path);
  assert.match(found.at(-1)?.what ?? '', /^the file that was tried may be left: could not delete /);
  assert.ok(found.at(-1)?.help?.includes(`${left}`), `${left}`);
  assert.equal(found.at(-1)?.level, 'warning');
});
