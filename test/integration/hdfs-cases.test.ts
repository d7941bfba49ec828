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
  const gateway = hdfs.httpfs?.url ?? '';

  for (const each of gatewayCases) await t.test(each.name, () => run(each, hdfs, 'gateway', gateway));
  await t.test('the gateway differs where it is known to', (t) => differsAsKnown(hdfs, gateway, t));
  for (const each of hdfsCases) await t.test(each.name, () => run(each, hdfs, 'nameNode', hdfs.urls[0] ?? ''));
});

async function differsAsKnown(hdfs: Hdfs, gateway: string, t: TestContext): Promise<void> {
  const differing: string[] = [];
  for (const each of hdfsCases) {
    if (each.needsControls) continue;
    try {
      await run(each, hdfs, 'gateway', gateway);
    } catch (error) {
      t.diagnostic(`${each.name}: ${(error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200)}`);
      differing.push(each.name);
    }
  }

  assert.deepEqual(differing.sort(), Object.keys(GATEWAY_DIFFERENCES).sort());
}
