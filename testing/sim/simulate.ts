import { basename } from 'node:path';
import { faultsOf } from '../ledger/index.ts';
import { visibleFile } from '../ledger/output.ts';
import { calmHdfs } from './actors/hdfs.ts';
import { refused, supervise, troubleProcesses } from './actors/processes.ts';
import { produce } from './actors/producer.ts';
import { troubleSurroundings } from './actors/surroundings.ts';
import { doHarm, judgeHarm } from './harm.ts';
import { stagedFiles } from './output.ts';
import { describePlan, type Plan } from './plan.ts';
import { Reader } from './reader.ts';
import { World } from './world.ts';

/** Once nothing fails any more, everything that was committed is visible within so long; virtual. */
const LIVENESS_MS = 400_000;
const STOP_MS = 120_000;
/** Longer than the sweep of orphans takes to come round. */
const SWEEP_MS = 660_000;

/** What came of one run. */
export interface Report {
  readonly seed: number;
  readonly plan: string;
  /** Empty = exactly once, whole, in order and in time. */
  readonly anomalies: readonly string[];
  /** Equal for equal runs. */
  readonly hash: string;
  readonly steps: number;
  readonly virtualMs: number;
  readonly records: number;
  readonly sometimes: Readonly<Record<string, number>>;
  /** The last events. */
  readonly last: readonly string[];
}

/** Runs one plan to its end. Never throws: whatever goes wrong is an anomaly. */
export async function simulate(plan: Plan, options: { keepTrace?: boolean } = {}): Promise<Report> {
  const world = new World(plan, options);
  const reader = new Reader(world);
  for (const topic of world.topics) world.kafka.createTopic(topic, plan.partitions);
  try {
    await world.time.run(play(world, reader), { limitMs: 10 * LIVENESS_MS });
    verdictOf(world, reader);
  } catch (error) {
    world.wrong(`the run itself failed: ${(error as Error).stack ?? error}`);
  }
  return {
    seed: plan.seed,
    plan: describePlan(plan),
    anomalies: world.anomalies,
    hash: world.trace.hash,
    steps: world.trace.steps,
    virtualMs: world.time.nowMs,
    records: reader.records,
    sometimes: Object.fromEntries(world.sometimes),
    last: world.trace.last,
  };
}

/** Trouble, then calm until everything is there, then an orderly end. */
async function play(world: World, reader: Reader): Promise<void> {
  let isOver = false;
  const background = Promise.all([supervise(world, () => isOver), readAlong(world, reader, () => isOver)]);
  await Promise.all([produce(world), troubleProcesses(world), troubleSurroundings(world), doHarm(world)]);
  calm(world);
  await everythingVisible(world, reader);
  await everythingSettled(world);
  if (world.dice.chance(0.1) && refused(world) === undefined) {
    await world.sleep(SWEEP_MS);
    judgeLeftovers(world);
  }
  isOver = true;
  await background;
  for (const { stop } of world.alive) stop.abort();
  await within(world, STOP_MS, () => world.alive.length === 0, 'stuck: an orderly stop');
  reader.look();
}

async function readAlong(world: World, reader: Reader, isOver: () => boolean): Promise<void> {
  const dice = world.dice.fork('reader');
  while (!isOver()) {
    if (world.plan.faults.has('loader') && !world.weather.over) reader.take(() => dice.chance(0.3));
    else reader.look();
    await world.sleep(dice.between(20, 400));
  }
}

function calm(world: World): void {
  world.note('calm');
  world.weather.over = true;
  world.disk.limit(undefined);
  calmHdfs(world);
  for (let node = 1; node <= world.plan.nodes; node++) world.kafka.startNode(node);
  for (const instance of world.alive) if (instance.virtual.paused) world.pause(instance, false);
}

async function everythingVisible(world: World, reader: Reader): Promise<void> {
  const isThere = () => {
    reader.look();
    if (refused(world) !== undefined) return true;
    return world.plan.harm === undefined && reader.records >= world.ledger.totals().committed;
  };
  if (world.plan.harm === undefined) await within(world, LIVENESS_MS, isThere, 'stuck: every committed record visible');
  else for (let waitedMs = 0; waitedMs < LIVENESS_MS / 4 && !isThere(); waitedMs += 1_000) await world.sleep(1_000);
}

/** What is visible leaves the log at once: readers may move it, and a restart that still finds it pending could not prove it. */
async function everythingSettled(world: World): Promise<void> {
  const isSettled = () => refused(world) !== undefined || world.pendingHandles() === 0;
  if (world.plan.harm === undefined)
    await within(world, LIVENESS_MS, isSettled, 'unsettled: no handle pending in the newest slot');
}

async function within(world: World, limitMs: number, holds: () => boolean, what: string): Promise<void> {
  const endMs = world.time.nowMs + limitMs;
  while (!holds()) {
    if (world.time.nowMs >= endMs) {
      world.wrong(`${what}, but not within ${limitMs} ms`);
      return;
    }
    await world.sleep(200);
  }
}

function judgeLeftovers(world: World): void {
  // An upload that was begun and got no answer is nobody's: the next incarnation finds its name to be of an older one.
  const isNobodys = (path: string) => world.plan.sink === 's3' && visibleFile(path).epoch === world.newestEpoch();
  const open = world.openFiles();
  const staged = stagedFiles(world).filter((path) => !isNobodys(path) && !open.has(basename(path)));
  if (staged.length > 0) world.wrong(`orphans: ${staged.length} staged files are left, first ${staged[0]}`);
  else world.saw('looked for orphans');
}

/** Holds the finished output against the ledger, and the ends of all processes against what may be. */
export function verdictOf(world: World, reader: Reader): void {
  const { plan } = world;
  const verdict = reader.audit();
  for (const [what, count] of Object.entries(faultsOf(verdict))) {
    if (plan.harm !== undefined && what === 'lost') continue;
    world.wrong(`${what}: ${count}; ${verdict.findings.join('; ')}`);
  }
  for (const { name, ending } of world.instances) {
    if (ending === undefined || ending.how === 'stopped') continue;
    const isExpected = plan.harm !== undefined && (ending.how === 'config' || ending.how === 'dataLoss');
    if (['bug', 'config', 'dataLoss'].includes(ending.how) && !isExpected)
      world.wrong(`${name} ended with ${ending.how} ${ending.code}: ${ending.why}`);
  }
  judgeHarm(world);
}
