import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayCases, hdfsCases } from '../../testing/hdfs/cases/index.ts';
import type { HdfsCase, HdfsControls, HdfsLab } from '../../testing/hdfs/cases/lab.ts';
import { API } from '../../testing/hdfs/http.ts';
import { GATEWAY_DIFFERENCES } from '../../testing/hdfs/known-differences.ts';
import { nodeWire } from '../../testing/hdfs/node-wire.ts';
import { testHdfs } from '../services/hdfs.ts';
import type { Hdfs } from '../services/hdfs-cluster.ts';
import { readBean } from '../services/hdfs-daemon.ts';
import { waitFor } from '../services/wait.ts';

const wire = nodeWire();
/** Each in a directory of its own. */
const casesAtOnce = 4;

function controlsOf(hdfs: Hdfs): HdfsControls {
  const [active = '', standbyUrl = ''] = hdfs.urls;
  const each = (run: (daemon: Hdfs['dataNodes'][number]) => Promise<void>) => Promise.all(hdfs.dataNodes.map(run));
  return {
    standbyUrl,
    setSafeMode: async (on) => void (await hdfs.dfsAdmin('-safemode', on ? 'enter' : 'leave')),
    failOver: () => hdfs.activate(1),
    failBack: () => hdfs.activate(0),
    killDataNodes: async () => void (await each((dataNode) => dataNode.kill())),
    missDataNodes: async () => {
      await waitFor(
        async () => (await readBean(active, 'Hadoop:service=NameNode,name=FSNamesystemState')).NumLiveDataNodes === 0,
        { what: 'a NameNode that misses its DataNodes', timeoutMs: 60_000, everyMs: 200 },
      );
    },
    startDataNodes: async () => {
      await each((dataNode) => dataNode.start());
      await hdfs.ready();
    },
  };
}

let cases = 0;

async function run({ run: runCase }: HdfsCase, hdfs: Hdfs, kind: HdfsLab['kind'], url: string): Promise<void> {
  const dir = `/cases/${++cases}`;
  await wire.send({ method: 'PUT', url: `${hdfs.urls[0]}${API}${dir}?op=MKDIRS&user.name=${hdfs.user}`, headers: {} });
  const pause = () => sleep(25);
  await runCase({ kind, wire, url, dir, user: hdfs.user, pause, controls: controlsOf(hdfs) });
}

test('HDFS and its gateway do what the cases say, but for what is known of the gateway', {
  timeout: 600_000,
}, async (t) => {
  const hdfs = await testHdfs(t, { ha: true, httpfs: true });
  if (hdfs === undefined) return;
  const [active = ''] = hdfs.urls;
  const gateway = hdfs.httpfs?.url ?? '';

  for (const each of gatewayCases) await t.test(each.name, () => run(each, hdfs, 'gateway', gateway));
  await t.test('the gateway differs where it is known to', (t) => differsAsKnown(hdfs, gateway, t));
  await t.test('the active NameNode', { concurrency: casesAtOnce }, async (t) => {
    const quiet = hdfsCases.filter(({ needsControls }) => !needsControls);
    await Promise.all(quiet.map((each) => t.test(each.name, () => run(each, hdfs, 'nameNode', active))));
  });
  for (const each of hdfsCases)
    if (each.needsControls) await t.test(each.name, () => run(each, hdfs, 'nameNode', active));
});

async function differsAsKnown(hdfs: Hdfs, gateway: string, t: TestContext): Promise<void> {
  const differing: string[] = [];
  const left = hdfsCases.filter(({ needsControls }) => !needsControls);
  const runLeft = async () => {
    for (let each = left.pop(); each !== undefined; each = left.pop()) {
      try {
        await run(each, hdfs, 'gateway', gateway);
      } catch (error) {
        t.diagnostic(`${each.name}: ${(error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200)}`);
        differing.push(each.name);
      }
    }
  };
  await Promise.all(Array.from({ length: casesAtOnce }, runLeft));

  assert.deepEqual(differing.sort(), Object.keys(GATEWAY_DIFFERENCES).sort());
}
