import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorKind } from '../../core/errors.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Fault, FaultKind } from '../../testing/gate.ts';
import { anomalies, changes, takeVisibleFiles, visibleFiles } from './audit.ts';
import { World } from './world.ts';

/** Virtual; a run takes a fraction of a second of it, restarts after faults a few. */
const LIMIT_MS = 180_000;

/** Every port call of an undisturbed run, by what it does. */
async function goldenCalls(): Promise<string[]> {
  const world = new World();
  const { gate, running } = world.start();
  await world.time.run(running, { limitMs: LIMIT_MS });
  assert.deepEqual(anomalies(await visibleFiles(world.disk)), []);
  return gate.labels;
}

const golden = await goldenCalls();

test('the undisturbed run makes enough calls of every port to be worth sweeping', () => {
  const verbs = new Set(golden.map((label) => label.split(' ')[0]));
  for (const verb of [
    'fs.link',
    'fs.rename',
    'fs.syncDirectory',
    'file.sync',
    'file.write',
    'fs.readdir',
    'source.poll',
  ]) {
    assert.ok(verbs.has(verb), `${verb} is never called`);
  }
  assert.ok(golden.length > 200, `only ${golden.length} calls`);
});

/** Runs with one fault, then a second process to the end, and says everything that is wrong with what a reader saw. */
type Scenario = (fault: Fault) => Promise<string[]>;

const crash =
  (losePower: 'no' | 'all' | 'some'): Scenario =>
  async (fault) => {
    const world = new World();
    const first = world.start({ fault });
    await world.time.run(Promise.race([first.gate.stopped, first.running]), { limitMs: LIMIT_MS });
    first.process.kill();
    const before = await visibleFiles(world.disk);
    if (losePower === 'all') world.losePower();
    if (losePower === 'some') world.losePower(world.time.process({ pid: 0, seed: fault.at }).env.random.next);
    const second = world.start();
    await world.time.run(second.running, { limitMs: LIMIT_MS });
    const after = await visibleFiles(world.disk);
    // A reader may have seen a rename that the power loss took back; the restart makes the same name with the same bytes.
    return [...anomalies(after), ...changes(before, after)];
  };

/** A loader takes every file that became visible before the crash, so the restart finds some handles without any file. */
const crashWithLoader: Scenario = async (fault) => {
  const world = new World();
  const settings = { takenByReaders: 'assume' } as const;
  const first = world.start({ fault, settings });
  await world.time.run(Promise.race([first.gate.stopped, first.running]), { limitMs: LIMIT_MS });
  first.process.kill();
  const taken = await takeVisibleFiles(world.disk);
  await world.time.run(world.start({ settings }).running, { limitMs: LIMIT_MS });
  const later = await visibleFiles(world.disk);
  const broughtBack = [...later.keys()].filter((path) => taken.has(path)).map((path) => `brought back: ${path}`);
  return [...anomalies(new Map([...taken, ...later])), ...broughtBack];
};

/** The call fails or its answer is lost; the process goes on by itself, restarting as it likes. */
const failure: Scenario = async (fault) => {
  const world = new World();
  const first = world.start({ fault });
  await world.time.run(first.running, { limitMs: LIMIT_MS });
  return anomalies(await visibleFiles(world.disk));
};

/** The process is stopped (SIGSTOP), replaced by another that runs to the end, and goes on after that. */
const replaced: Scenario = async (fault) => {
  const world = new World();
  const first = world.start({ fault });
  await world.time.run(Promise.race([first.gate.stopped, first.running]), { limitMs: LIMIT_MS });
  first.process.paused = true;
  const second = world.start();
  await world.time.run(second.running, { limitMs: LIMIT_MS });
  const before = await visibleFiles(world.disk);
  first.process.paused = false;
  first.gate.resume();
  const ended = await world.time.run(
    first.running.then(
      ({ reason }): string => reason,
      (error: unknown): ErrorKind | string => (error instanceof SluiceError ? error.kind : String(error)),
    ),
    { limitMs: LIMIT_MS },
  );
  const after = await visibleFiles(world.disk);
  const wrongEnd = ended === 'fenced' || ended === 'finished' ? [] : [`the replaced process ended with ${ended}`];
  return [...anomalies(after), ...changes(before, after), ...wrongEnd];
};

const sweeps: { name: string; kind: FaultKind; scenario: Scenario }[] = [
  { name: 'dies before', kind: 'crashBefore', scenario: crash('no') },
  { name: 'dies right after', kind: 'crashAfter', scenario: crash('no') },
  { name: 'loses power before', kind: 'crashBefore', scenario: crash('all') },
  { name: 'loses power right after', kind: 'crashAfter', scenario: crash('all') },
  { name: 'loses power right after, some of the unsynced surviving,', kind: 'crashAfter', scenario: crash('some') },
  { name: 'dies, and its visible files are taken away, before', kind: 'crashBefore', scenario: crashWithLoader },
  { name: 'dies, and its visible files are taken away, right after', kind: 'crashAfter', scenario: crashWithLoader },
  { name: 'gets an error from', kind: 'error', scenario: failure },
  { name: 'never hears the outcome of', kind: 'lostResponse', scenario: failure },
  { name: 'is paused before and replaced at', kind: 'pauseBefore', scenario: replaced },
  { name: 'is paused after and replaced at', kind: 'pauseAfter', scenario: replaced },
];

for (const { name, kind, scenario } of sweeps) {
  test(`output is exactly once when the process ${name} any one port call`, async () => {
    const broken: string[] = [];
    for (let at = 1; at <= golden.length && broken.length < 5; at++) {
      const found = await scenario({ at, kind }).catch((error: unknown) => [`run failed: ${error}`]);
      if (found.length > 0) broken.push(`call ${at} (${golden[at - 1]}): ${found.slice(0, 3).join('; ')}`);
    }
    assert.deepEqual(broken, []);
  });
}
