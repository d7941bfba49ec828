import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hdfs, hdfsStore, webHdfs } from '../../connectors/hdfs/index.ts';
import { sinkConformance } from '../../testing/conformance/sink.ts';
import { storeConformance } from '../../testing/conformance/store.ts';
import { testHdfs } from '../services/hdfs.ts';
import { runConformance } from '../testing/conformance.ts';

type Client = ReturnType<typeof webHdfs>;

async function filesBelow(client: Client, path: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, kind } of (await client.listStatus(path)) ?? []) {
    if (kind === 'directory') files.push(...(await filesBelow(client, `${path}/${name}`)));
    else files.push(`${path}/${name}`);
  }
  return files;
}

async function linesBelow(client: Client, root: string): Promise<Map<string, string[]>> {
  const lines = new Map<string, string[]>();
  for (const path of await filesBelow(client, root)) {
    if (/\/[._]/.test(path.slice(root.length))) continue;
    lines.set(path, `${await client.read(path)}`.split('\n').slice(0, -1));
  }
  return lines;
}

function sinkHarness(connection: { urls: string[]; user: string }) {
  const client = webHdfs(connection);
  const path = `/conformance/${randomBytes(8).toString('hex')}`;
  return {
    sink: hdfs({ ...connection, path, format: 'ndjson' }),
    assumeTaken: hdfs({ ...connection, path, format: 'ndjson', takenByReaders: 'assume' }),
    visible: () => linesBelow(client, path),
    stagedCount: async () => ((await client.listStatus(`${path}/.staging`)) ?? []).length,
    takeAway: async (name: string) => void (await client.delete(name)),
  };
}

function storeHarness(connection: { urls: string[]; user: string }) {
  const path = `/stores/${randomBytes(8).toString('hex')}`;
  return { connect: async () => hdfsStore({ ...connection, path }) };
}

test('HDFS sink and checkpoint store on a real cluster and its gateway', { timeout: 600_000 }, async (t) => {
  const cluster = await testHdfs(t, { httpfs: true });
  if (cluster === undefined) return;
  for (const [name, urls] of [
    ['a NameNode', [...cluster.urls]],
    ['HttpFS', [cluster.httpfs?.url ?? '']],
  ] as const) {
    const connection = { urls: [...urls], user: cluster.user };
    await t.test(`the sink on ${name}`, (t) => runConformance(t, sinkConformance, () => sinkHarness(connection)));
    await t.test(`the store on ${name}`, (t) => runConformance(t, storeConformance, () => storeHarness(connection)));
  }
});
