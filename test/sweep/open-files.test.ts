import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runStruck } from './scenarios.ts';
import { SWEEPS, sweep } from './sweeps.ts';

const place = { store: 'file', staysOpen: true } as const;
const { anomalies, labels } = await runStruck(place);

test('the undisturbed run with files that stay open is exactly once', () => {
  assert.deepEqual(anomalies, []);
  assert.ok(labels.length > 150, `only ${labels.length} calls`);
});

for (const { name, kind, aftermath = 'nothing' } of SWEEPS) {
  test(`files that stay open hold every record once when the process ${name} any one port call`, async () => {
    await sweep([{ place, labels }], { kind, aftermath });
  });
}
