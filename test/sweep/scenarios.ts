import { encodeRecord } from '../../testing/ledger/index.ts';
import type { Strike } from '../../testing/sim/calls.ts';
import { decodePlan, type Plan } from '../../testing/sim/plan.ts';
import { Reader } from '../../testing/sim/reader.ts';
import { verdictOf } from '../../testing/sim/simulate.ts';
import { type Instance, World } from '../../testing/sim/world.ts';

/** Virtual; a run takes a fraction of a second of it, restarts after faults a few. */
const LIMIT_MS = 400_000;
const PARTITIONS = 2;
const TOPIC = 'topic0';
const VALUE_BYTES = 70;
const BURST_EVERY_MS = 70;
const LATE_BURSTS = 6;

/** What follows the strike. */
export type Aftermath = 'nothing' | 'powerLoss' | 'someLost' | 'loader';

export interface Scenario {
  /** Where the output goes, and where checkpoints are kept. */
  readonly sink?: Plan['sink'];
  readonly store: Plan['store'];
  /** Files stay open across checkpoints. */
  readonly staysOpen?: boolean;
  readonly strikes?: readonly Strike[];
  readonly aftermath?: Aftermath;
}

export interface Outcome {
  /** Empty = exactly once, whole and in order. */
  readonly anomalies: readonly string[];
  /** Every port call, by what it does. */
  readonly labels: readonly string[];
}

/** A small run with checkpoints, a transaction of each kind and a stop, struck at some of its port calls. */
export async function runStruck({ strikes, ...scenario }: Scenario): Promise<Outcome> {
  const { aftermath = 'nothing' } = scenario;
  const world = new World(planOf(scenario), { strikes });
  const reader = new Reader(world);
  world.kafka.createTopic(TOPIC, PARTITIONS);
  try {
    await world.time.run(play(world, reader, aftermath), { limitMs: 2 * LIMIT_MS });
    verdictOf(world, reader);
  } catch (error) {
    world.wrong(`the run failed: ${error}`);
  }
  return { anomalies: world.anomalies, labels: world.calls.labels };
}

function planOf({ sink = 'file', store, staysOpen = false, aftermath }: Scenario): Plan {
  return decodePlan(
    JSON.stringify({
      ...{
        seed: 1,
        sink,
        store,
        topics: 1,
        partitions: PARTITIONS,
        nodes: 1,
        recordsPerSecond: 0,
        valueBytes: VALUE_BYTES,
        codec: 'none',
      },
      ...{
        intervalMs: 60,
        retain: 2,
        rollRecords: 5,
        rollBytes: 1_000_000,
        fetchKiB: 64,
        discoveryMs: 5_000,
        troubleMs: 0,
        ...(staysOpen && { staysOpen, rollAgeMs: 400 }),
      },
      faults: aftermath === 'loader' ? ['loader'] : [],
    }),
  );
}

async function play(world: World, reader: Reader, aftermath: Aftermath): Promise<void> {
  world.weather.over = true;
  world.start();
  await produce(world);
  const replaced: Instance[] = [];
  for (;;) {
    await until(world, () => running(world).length === 0 || (running(world).length === 1 && isDone(world, reader)));
    const paused = world.alive.filter(({ virtual }) => virtual.paused);
    if (running(world).length === 0) {
      if (world.alive.length === 0) await afterDeath(world, reader, aftermath);
      world.start();
    } else if (paused.length > 0) {
      replaced.push(...paused);
      goOn(world, paused);
    } else break;
  }
  await stop(world);
  for (const { name, ending } of replaced)
    if (ending !== undefined && !['fenced', 'stopped', 'unavailable'].includes(ending.how))
      world.wrong(`${name}, which was replaced, ended with ${JSON.stringify(ending)}`);
  reader.look();
}

function running({ alive }: World): Instance[] {
  return alive.filter(({ virtual }) => !virtual.paused);
}

async function produce(world: World): Promise<void> {
  write(world, 4, 'commit');
  await world.sleep(BURST_EVERY_MS);
  write(world, 2, 'abort', 1);
  write(world, 3, 'commit', 2);
  await world.sleep(BURST_EVERY_MS);
  write(world, 4, 'commit');
  if (!world.plan.staysOpen) return;
  // A file spans checkpoints only if records come after one.
  for (let burst = 0; burst < LATE_BURSTS; burst++) {
    await world.sleep(2 * BURST_EVERY_MS);
    write(world, 1, 'commit');
  }
}

/** `count` records to each partition; with a producer id as a transaction. */
function write({ kafka, ledger }: World, count: number, planned: 'commit' | 'abort', producerId?: number): void {
  const delivery = ledger.begin(producerId === undefined ? 'plain' : 'transaction');
  if (producerId !== undefined) kafka.beginTransaction(producerId);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const first = ledger.take(TOPIC, partition, count, delivery);
    const records = Array.from({ length: count }, (_, index) => {
      const value = encodeRecord({ topic: TOPIC, partition, sequence: first + index, planned }, VALUE_BYTES);
      return { key: null, value };
    });
    kafka.append(TOPIC, partition, records, producerId === undefined ? {} : { producerId });
  }
  if (producerId !== undefined) kafka.endTransaction(producerId, planned);
  delivery.outcome = planned === 'commit' ? 'committed' : 'aborted';
}

async function afterDeath(world: World, reader: Reader, aftermath: Aftermath): Promise<void> {
  reader.look();
  if (aftermath === 'loader') reader.take(() => true);
  if (aftermath === 'powerLoss' || aftermath === 'someLost') {
    world.losePower(aftermath === 'someLost' ? world.dice.next : undefined);
  }
}

/** Paused processes go on beside the one that replaced them, and all have something to do: idle ones look at their rank once a minute. */
function goOn(world: World, paused: readonly Instance[]): void {
  for (const instance of paused) world.pause(instance, false);
  write(world, 1, 'commit');
}

/** Stops in order; what a fault kept from stopping is started again and stopped. */
async function stop(world: World): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const running = world.alive;
    for (const { stop: signal } of running) signal.abort();
    await until(world, () => world.alive.every(({ virtual }) => virtual.paused));
    // The strike was a pause amid the stop.
    for (const instance of world.alive) world.pause(instance, false);
    await until(world, () => world.alive.length === 0);
    if (attempt === 2 || running.every(({ ending }) => ending?.how === 'stopped')) return;
    world.start();
  }
}

function isDone(world: World, reader: Reader): boolean {
  reader.look();
  return world.ledger.totals().committed > 0 && reader.records >= world.ledger.totals().committed;
}

async function until(world: World, holds: () => boolean): Promise<void> {
  const endMs = world.time.nowMs + LIMIT_MS;
  while (!holds()) {
    if (world.time.nowMs >= endMs) throw new Error(`stuck at ${world.calls.labels.at(-1)}`);
    await world.sleep(20);
  }
}
