import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayCases, hdfsCases } from '../../../testing/hdfs/cases/index.ts';
import type { HdfsControls, HdfsLab } from '../../../testing/hdfs/cases/lab.ts';
import { API } from '../../../testing/hdfs/http.ts';
import { GATEWAY_DIFFERENCES } from '../../../testing/hdfs/known-differences.ts';
import { HdfsModel } from '../../../testing/hdfs/model.ts';
import { modelWire } from '../../../testing/hdfs/model-wire.ts';

const nameNodes = ['http://nn1.test:9870', 'http://nn2.test:9870'];
const gateway = 'http://gateway.test:14000';

function controlsOf(model: HdfsModel): HdfsControls {
  return {
    setSafeMode: async (on) => {
      model.safeMode = on;
    },
    standbyUrl: nameNodes[1] as string,
    failOver: async () => model.activate(1),
    failBack: async () => model.activate(0),
    killDataNodes: async () => model.killDataNode(),
    missDataNodes: async () => model.missDataNode(),
    startDataNodes: async () => model.startDataNode(),
  };
}

async function labOf(kind: HdfsLab['kind']): Promise<HdfsLab> {
  const model = new HdfsModel({ nameNodes, gateway, pageNames: 100 });
  const wire = modelWire(model);
  const dir = '/cases/one';
  await wire.send({ method: 'PUT', url: `${nameNodes[0]}${API}${dir}?op=MKDIRS&user.name=hdfs`, headers: {} });
  const url = kind === 'gateway' ? gateway : (nameNodes[0] as string);
  return { kind, wire, url, dir, user: 'hdfs', pause: async () => {}, controls: controlsOf(model) };
}

for (const { name, run } of hdfsCases) {
  test(`the model: ${name}`, async () => {
    await run(await labOf('nameNode'));
  });
}

for (const { name, run } of gatewayCases) {
  test(`the model: ${name}`, async () => {
    await run(await labOf('gateway'));
  });
}

test("the model's gateway differs from a NameNode where a real one does", async (t) => {
  const differing: string[] = [];
  for (const { name, run, needsControls } of hdfsCases) {
    if (needsControls) continue;
    try {
      await run(await labOf('gateway'));
    } catch (error) {
      t.diagnostic(`${name}: ${(error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200)}`);
      differing.push(name);
    }
  }

  const known = Object.entries(GATEWAY_DIFFERENCES).flatMap(([name, { isModelled }]) => (isModelled ? [name] : []));
  assert.deepEqual(differing.sort(), known.sort());
});
