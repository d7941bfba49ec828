import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hdfs, hdfsStore, webHdfs } from '../../connectors/hdfs/index.ts';
import { sinkConformance } from '../../testing/conformance/sink.ts';
import { storeConformance } from '../../testing/conformance/store.ts';
import { HdfsOutput } from '../../testing/ledger/index.ts';
import { cutLines } from '../../testing/ledger/lines.ts';
import { testHdfs } from '../services/hdfs.ts';
import { runConformance } from '../testing/conformance.ts';

async function linesIn(output: HdfsOutput): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for (const path of await output.list()) {
    const lines: string[] = [];
    await cutLines(output.read(path), (bytes, start, end) => lines.push(bytes.toString('utf8', start, end)));
    files.set(path, lines);
  }
  return files;
}

function sinkHarness(connection: { urls: string[]; user: string }) {
  const path = `/conformance/${randomBytes(8).toString('hex')}`;
  const output = new HdfsOutput({ ...connection, root: path });
  return {
    sink: hdfs({ ...connection, path, format: 'ndjson' }),
    assumeTaken: hdfs({ ...connection, path, format: 'ndjson', takenByReaders: 'assume' }),
    visible: () => linesIn(output),
    stagedCount: async () => (await output.entries('.staging')).length,
    takeAway: async (name: string) => void (await webHdfs(connection).delete(`${path}/${name}`)),
  };
}

/** `failsBelowKeys`: HttpFS says that it must not be looked at. */
function storeHarness(connection: { urls: string[]; user: string }, failsBelowKeys: boolean) {
  const path = `/stores/${randomBytes(8).toString('hex')}`;
  return { failsBelowKeys, connect: async () => hdfsStore({ ...connection, path }) };
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
    await t.test(`the store on ${name}`, (t) =>
      runConformance(t, storeConformance, () => storeHarness(connection, name === 'HttpFS')),
    );
  }
});
