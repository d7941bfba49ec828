import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayCases, hdfsCases } from '../../../testing/hdfs/cases/index.ts';
import {
  type HdfsCase,
  type HdfsLab,
  lengthOf,
  locate,
  put,
  textOf,
  until,
  upload,
} from '../../../testing/hdfs/cases/lab.ts';
import { API } from '../../../testing/hdfs/http.ts';
import { HdfsModel } from '../../../testing/hdfs/model.ts';
import { nodeWire } from '../../../testing/hdfs/node-wire.ts';
import { type HdfsServerHandle, type HdfsServerOptions, serveHdfs } from '../../../testing/hdfs/server.ts';

async function served(t: TestContext, faultOf?: HdfsServerOptions['faultOf']): Promise<HdfsServerHandle> {
  const server = await serveHdfs({
    modelAt: (places) => new HdfsModel({ ...places, pageNames: 100 }),
    ...(faultOf && { faultOf }),
  });
  t.after(() => server.close());
  return server;
}

async function labOf(server: HdfsServerHandle, kind: HdfsLab['kind'] = 'nameNode'): Promise<HdfsLab> {
  const wire = nodeWire();
  const [nameNode = ''] = server.nameNodes;
  const dir = '/cases/one';
  await wire.send({ method: 'PUT', url: `${nameNode}${API}${dir}?op=MKDIRS&user.name=hdfs`, headers: {} });
  return {
    kind,
    wire,
    url: kind === 'gateway' ? server.gateway : nameNode,
    dir,
    user: 'hdfs',
    pause: () => sleep(1),
  };
}

const overSockets = ({ needsControls }: HdfsCase) => !needsControls;

for (const { name, run } of hdfsCases.filter(overSockets)) {
  test(`over sockets: ${name}`, async (t) => {
    await run(await labOf(await served(t)));
  });
}

for (const { name, run } of gatewayCases) {
  test(`over sockets: ${name}`, async (t) => {
    await run(await labOf(await served(t), 'gateway'));
  });
}

test('fetch takes the 100 of a DataNode for a bad response or does not mind it, and the file is there either way', async (t) => {
  const lab = await labOf(await served(t));
  const url = await locate(lab, 'CREATE', 'f', { overwrite: false });

  // A Node that has learnt to live with it may say 201.
  const answer = await fetch(url, { method: 'PUT', body: 'hello' }).then(
    ({ status }) => `${status}`,
    (error: Error) => String((error.cause as Error | undefined)?.message),
  );

  t.diagnostic(`fetch: ${answer}`);
  assert.match(answer, /^(201|bad response)$/);
  await until(lab, 'the file is there', async () => (await lengthOf(lab, 'f')) === 5);
});

test('a connection that is cut inside of a body leaves what had come until then', async (t) => {
  const server = await served(t, (_, origin) =>
    server.dataNodes.includes(origin) ? { kind: 'resetBefore', bodyBytes: 5 } : undefined,
  );
  const lab = await labOf(server);
  const url = await locate(lab, 'CREATE', 'f', { overwrite: false });

  await assert.rejects(lab.wire.send(upload('CREATE', url, 'hello world')), { code: 'ECONNRESET' });

  await until(lab, 'the file is closed', async () => (await lengthOf(lab, 'f')) === 5);
});

test('an answer that is lost has had its effect', async (t) => {
  const server = await served(t, (label, origin) =>
    label.startsWith('hdfs.CREATE') && server.dataNodes.includes(origin) ? { kind: 'resetAfter' } : undefined,
  );
  const lab = await labOf(server);
  const url = await locate(lab, 'CREATE', 'f', { overwrite: false });

  await assert.rejects(lab.wire.send(upload('CREATE', url, 'hello')), { code: 'ECONNRESET' });

  assert.equal(await textOf(lab, 'f'), 'hello');
});

test('a DataNode that is killed cuts its writer off, and the file stays open for as long as its lease', async (t) => {
  const server = await served(t);
  const lab = await labOf(server);
  await put(lab, 'kept', 'x');
  const url = await locate(lab, 'CREATE', 'f', { overwrite: false });
  const opened = await lab.wire.open({
    ...upload('CREATE', url, 'hello'),
    headers: { 'transfer-encoding': 'chunked' },
  });
  await until(lab, 'the file is there', async () => (await lengthOf(lab, 'f')) !== undefined);

  server.model.killDataNode();
  await assert.rejects(opened.finish(), { code: 'ECONNRESET' });
  server.model.startDataNode();

  assert.equal(await lengthOf(lab, 'f'), 0);
});
