import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice } from '../../testing/dice.ts';
import { drawPlan, encodePlan, onHdfs } from '../../testing/sim/plan.ts';
import { simulate } from '../../testing/sim/simulate.ts';

/** Few of all seeds draw HDFS, so some more are sent there. */
const SEEDS = 60;

test(`${SEEDS} seeds whose output goes to HDFS are exactly once, whatever befalls the cluster`, async () => {
  const seen = new Set<string>();
  const wrong: string[] = [];

  for (let seed = 1; seed <= SEEDS; seed++) {
    const plan = onHdfs(drawPlan(seed), new Dice(seed).fork('on hdfs'));
    const { anomalies, sometimes } = await simulate(plan);
    for (const what of Object.keys(sometimes)) seen.add(what);
    if (anomalies.length > 0) wrong.push([...anomalies, encodePlan(plan)].join('\n'));
  }

  assert.deepEqual(wrong, []);
  for (const what of [
    ...['a NameNode in safe mode', 'a failover between NameNodes', 'a DataNode died', 'died amid a write to HDFS'],
    ...['killed', 'ended FENCED', 'handles committed by a successor', 'orphans discarded', 'looked for orphans'],
  ]) {
    assert.ok(seen.has(what), `never seen: ${what}`);
  }
});
