import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice } from '../../testing/dice.ts';
import type { StrikeKind } from '../../testing/sim/calls.ts';
import { type Aftermath, runStruck } from './scenarios.ts';

const PAIRS = 600;

const golden = { file: await runStruck({ store: 'file' }), network: await runStruck({ store: 'network' }) };

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

const sweeps: { name: string; kind: StrikeKind; aftermath?: Aftermath }[] = [
  { name: 'dies before', kind: 'crashBefore' },
  { name: 'dies right after', kind: 'crashAfter' },
  { name: 'loses power before', kind: 'crashBefore', aftermath: 'powerLoss' },
  { name: 'loses power right after', kind: 'crashAfter', aftermath: 'powerLoss' },
  { name: 'loses power right after, some of the unsynced surviving,', kind: 'crashAfter', aftermath: 'someLost' },
  { name: 'dies, and its visible files are taken away, before', kind: 'crashBefore', aftermath: 'loader' },
  { name: 'dies, and its visible files are taken away, right after', kind: 'crashAfter', aftermath: 'loader' },
  { name: 'gets an error from', kind: 'error' },
  { name: 'gets an error, although it took effect, from', kind: 'answerLost' },
  { name: 'is paused before and replaced at', kind: 'pauseBefore' },
  { name: 'is paused after and replaced at', kind: 'pauseAfter' },
];

for (const { name, kind, aftermath = 'nothing' } of sweeps) {
  test(`output is exactly once when the process ${name} any one port call`, async () => {
    await sweep(kind, aftermath, () => true);
  });
}

test('output is exactly once when any one call over the network is delivered twice', async () => {
  // A system call is made a second time by nobody but the program.
  await sweep('twice', 'nothing', (label) => /^(store|kafka)\./.test(label));
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

async function sweep(kind: StrikeKind, aftermath: Aftermath, isStruck: (label: string) => boolean): Promise<void> {
  const broken: string[] = [];
  for (const store of ['file', 'network'] as const) {
    const { labels } = golden[store];
    for (let at = 1; at <= labels.length && broken.length < 5; at++) {
      const label = labels[at - 1] as string;
      if (!isStruck(label)) continue;
      const { anomalies } = await runStruck({ store, strikes: [{ at, kind }], aftermath });
      if (anomalies.length > 0) broken.push(`${store} call ${at} (${label}): ${anomalies.slice(0, 3).join('; ')}`);
    }
  }
  assert.deepEqual(broken, []);
}
