import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice } from '../../testing/dice.ts';
import type { StrikeKind } from '../../testing/sim/calls.ts';
import { runStruck } from './scenarios.ts';
import { SWEEPS, sweep } from './sweeps.ts';

const PAIRS = 600;

const golden = { file: await runStruck({ store: 'file' }), network: await runStruck({ store: 'network' }) };
const places = [
  { place: { store: 'file' }, labels: golden.file.labels },
  { place: { store: 'network' }, labels: golden.network.labels },
] as const;

test('the undisturbed runs are exactly once and make enough calls of every port to be worth sweeping', () => {
  assert.deepEqual([...golden.file.anomalies, ...golden.network.anomalies], []);
  const verbs = new Set([...golden.file.labels, ...golden.network.labels].map((label) => label.split(' ')[0]));
  for (const verb of [
    ...['fs.link', 'fs.rename', 'fs.syncDirectory', 'fs.readdir', 'file.sync', 'file.write', 'file.close'],
    ...['store.create', 'store.get', 'store.list', 'store.delete'],
    ...['kafka.Fetch', 'kafka.Metadata', 'kafka.ListOffsets', 'kafka.OffsetCommit'],
  ]) {
    assert.ok(verbs.has(verb), `${verb} is never called`);
  }
  assert.ok(golden.file.labels.length > 200, `only ${golden.file.labels.length} calls`);
});

for (const { name, kind, aftermath = 'nothing' } of SWEEPS) {
  test(`output is exactly once when the process ${name} any one port call`, async () => {
    await sweep(places, { kind, aftermath });
  });
}

test('output is exactly once when any one call over the network is delivered twice', async () => {
  // A system call is made a second time by nobody but the program.
  await sweep(places, { kind: 'twice', isStruck: (label) => /^(store|kafka)\./.test(label) });
});

test('output is exactly once when two faults strike one run, for a sample of all pairs', async () => {
  const dice = new Dice(1);
  const kinds: StrikeKind[] = ['crashBefore', 'crashAfter', 'error', 'answerLost', 'pauseBefore', 'pauseAfter'];
  const broken: string[] = [];
  for (let pair = 0; pair < PAIRS && broken.length < 5; pair++) {
    const store = dice.pick(['file', 'network'] as const);
    const calls = golden[store].labels.length;
    const first = { at: dice.whole(1, calls), kind: dice.pick(kinds) };
    // The second one often strikes while the first is still being recovered from, which adds calls to the run.
    const second = { at: first.at + dice.whole(1, calls), kind: dice.pick(kinds) };
    const { anomalies } = await runStruck({ store, strikes: [first, second] });
    if (anomalies.length > 0)
      broken.push(`${store} ${JSON.stringify([first, second])}: ${anomalies.slice(0, 3).join('; ')}`);
  }
  assert.deepEqual(broken, []);
});
