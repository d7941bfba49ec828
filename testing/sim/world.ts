import { basename } from 'node:path';
import { type ErrorKind, SluiceError } from '../../core/errors.ts';
import { Dice } from '../dice.ts';
import type { HdfsModel } from '../hdfs/model.ts';
import { KafkaModel } from '../kafka/model.ts';
import { Ledger } from '../ledger/index.ts';
import { MemoryDisk } from '../memory-disk.ts';
import { S3Model } from '../s3/model.ts';
import { type VirtualProcess, VirtualTime } from '../virtual-time.ts';
import { type Caller, Calls, type Fate, type Port, type Strike } from './calls.ts';
import { hdfsCluster } from './hdfs-files.ts';
import { type Changes, type Surroundings, simulatedEnv, simulatedPipeline } from './instance.ts';
import { storedCheckpoints } from './output.ts';
import { BUCKET, SMALL_PART_BYTES } from './places.ts';
import type { Plan } from './plan.ts';
import { Trace } from './trace.ts';
import { errorOf, Weather } from './weather.ts';

/** How a process ended by itself. */
export type Ending =
  | { readonly how: 'stopped' }
  | { readonly how: ErrorKind; readonly code: string; readonly why: string };

/** One process that runs the pipeline. */
export interface Instance extends Caller {
  readonly stop: AbortController;
  ending: Ending | undefined;
}

/** What the simulator reads of a checkpoint. */
interface StoredSlot {
  readonly epoch: number;
  readonly pending: readonly unknown[];
  readonly sinks: {
    readonly main: { readonly state: readonly { value: { place: { staged?: string; key?: string } } }[] };
  };
  readonly source: { readonly splits: readonly { id: string; position: { offset: number } }[] };
}

export interface WorldOptions {
  /** Every event, instead of the last ones. */
  readonly keepTrace?: boolean | undefined;
  /** What happens at some port calls, whatever the plan says. */
  readonly strikes?: readonly Strike[] | undefined;
}

/** What all processes of a run share: time, a disk, a checkpoint store, a Kafka cluster, and the truth about its records. */
export class World implements Surroundings {
  readonly plan: Plan;
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly self: VirtualProcess;
  readonly dice: Dice;
  readonly ledger = new Ledger();
  readonly kafka: KafkaModel;
  readonly weather: Weather;
  readonly calls: Calls;
  readonly objects = new Map<string, Uint8Array>();
  readonly s3: S3Model;
  readonly hdfs: HdfsModel;
  readonly creators = new Map<string, string>();
  readonly instances: Instance[] = [];
  readonly #claims: { by: string; epoch: number }[] = [];
  /** Things that a good set of runs must have seen, and how often. */
  readonly sometimes = new Map<string, number>();
  /** What went wrong so far. */
  readonly anomalies: string[] = [];
  /** What a strike has killed or paused. */
  struck: Instance | undefined;
  disk = new MemoryDisk();
  wallClockShiftMs = 0;

  constructor(plan: Plan, { keepTrace = false, strikes = [] }: WorldOptions = {}) {
    this.plan = plan;
    this.dice = new Dice(plan.seed).fork('world');
    this.trace = new Trace({ keepAll: keepTrace });
    this.self = this.time.process({ pid: 0, seed: plan.seed });
    this.s3 = new S3Model({ buckets: [BUCKET], behaviour: plan.staysOpen ? { partBytesMin: SMALL_PART_BYTES } : {} });
    this.hdfs = hdfsCluster(plan, () => this.time.nowMs);
    this.kafka = new KafkaModel({ nodes: plan.nodes });
    this.weather = new Weather(plan, this.dice.fork('weather'));
    this.kafka.state.readsFrom = (offset) => this.weather.readsFrom(offset);
    this.calls = new Calls({
      time: this.time,
      world: this.self,
      dice: this.dice.fork('calls'),
      trace: this.trace,
      fateOf: (port, label) => this.#fateOf(port, label),
      errorOf,
      strikes,
      onStrike: (kind, by) => this.#strike(kind, by as Instance),
      latencyMs: { disk: 4, store: 80, s3: 80, hdfs: 80, kafka: 40 },
    });
  }

  get topics(): string[] {
    return Array.from({ length: this.plan.topics }, (_, index) => `topic${index}`);
  }

  /** Those that have not ended, stopped ones included. */
  get alive(): Instance[] {
    return this.instances.filter(({ alive }) => alive);
  }

  note(event: string): void {
    this.trace.add(this.time.nowMs, event);
  }

  saw(what: string): void {
    this.sometimes.set(what, (this.sometimes.get(what) ?? 0) + 1);
  }

  wrong(what: string): void {
    this.note(`WRONG ${what}`);
    this.anomalies.push(what);
  }

  /** A process has the pipeline now; one that was replaced must not take it back by a restart. */
  claimed(by: string, epoch: number): void {
    const before = this.#claims.findLast((claim) => claim.by === by);
    const between = before && this.#claims.find((claim) => claim.epoch > before.epoch && claim.epoch < epoch);
    if (between !== undefined && this.plan.harm === undefined)
      this.wrong(`${by} took the pipeline back from ${between.by}`);
    this.#claims.push({ by, epoch });
  }

  sleep(ms: number): Promise<void> {
    return this.self.env.timers.sleep(ms);
  }

  /** Starts the pipeline as a process of its own. */
  start(changes: Changes = {}): Instance {
    const pid = this.instances.length + 1;
    const instance: Instance = {
      name: `p${pid}`,
      virtual: this.time.process({ pid, seed: this.plan.seed * 1000 + pid }),
      alive: true,
      connections: [],
      stop: new AbortController(),
      ending: undefined,
    };
    this.instances.push(instance);
    this.note(`${instance.name} starts`);
    simulatedPipeline(this, instance, changes)
      .run({ env: simulatedEnv(this, instance), signal: instance.stop.signal })
      .then(
        () => this.#ended(instance, { how: 'stopped' }),
        (error: unknown) => this.#ended(instance, endingOf(error)),
      );
    return instance;
  }

  kill(instance: Instance): void {
    this.note(`${instance.name} is killed`);
    this.saw('killed');
    this.#dies(instance);
  }

  /** Every process dies, and the disk forgets what was not synced: all of it, or with `random` a part. */
  losePower(random: (() => number) | undefined): void {
    this.note('power loss');
    this.saw('power lost');
    for (const instance of this.alive) this.#dies(instance);
    this.calls.dropAll('disk');
    this.disk = this.disk.powerLoss(random);
  }

  pause(instance: Instance, paused: boolean): void {
    this.note(`${instance.name} ${paused ? 'is paused' : 'goes on'}`);
    this.saw(paused ? 'paused' : 'went on after a pause');
    instance.virtual.paused = paused;
  }

  /** Keys of the checkpoint slots that exist, oldest first. */
  slotPaths(): string[] {
    return [...storedCheckpoints(this).keys()].filter((path) => /\/\d{12}\.json$/.test(path)).sort();
  }

  /**
   * What every later start has behind it, even after a power loss: the lowest positions in all slots, once there are three. Any
   * one slot will not do, as a writer that was paused may leave one under an old number with positions that nobody else has.
   */
  savedPositions(): { id: string; offset: number }[] {
    const paths = this.slotPaths();
    if (paths.length < 3) return [];
    const lowest = new Map<string, number>();
    for (const path of paths) {
      for (const { id, position } of this.#readSlot(path).source.splits)
        lowest.set(id, Math.min(lowest.get(id) ?? position.offset, position.offset));
    }
    return [...lowest].map(([id, offset]) => ({ id, offset }));
  }

  /** How many handles the newest slot names that are not committed yet, for all it knows. */
  pendingHandles(): number {
    return this.#newestSlot()?.pending.length ?? 0;
  }

  /** Names of staged files that some checkpoint knows as still being written. */
  openFiles(): Set<string> {
    const states = this.slotPaths().flatMap((path) => this.#readSlot(path).sinks.main.state);
    return new Set(states.map(({ value }) => basename(value.place.staged ?? value.place.key ?? '')));
  }

  /** That of the incarnation that claimed last. */
  newestEpoch(): number | undefined {
    return this.#newestSlot()?.epoch;
  }

  #newestSlot(): StoredSlot | undefined {
    const newest = this.slotPaths().at(-1);
    return newest === undefined ? undefined : this.#readSlot(newest);
  }

  #readSlot(path: string): StoredSlot {
    return JSON.parse(Buffer.from(storedCheckpoints(this).get(path) as Uint8Array).toString('utf8'));
  }

  #fateOf(port: Port, label: string): Fate {
    const fate = this.weather.fateOf(port, label);
    if ('afterMs' in fate) this.saw('a store was silent');
    return fate;
  }

  #strike(kind: 'crash' | 'pause', instance: Instance): void {
    this.struck = instance;
    if (kind === 'crash') this.kill(instance);
    else this.pause(instance, true);
  }

  #dies(instance: Instance): void {
    if (this.calls.isBusy(instance, 'hdfs.CREATE')) this.saw('died amid a write to HDFS');
    instance.alive = false;
    instance.virtual.kill();
    this.calls.died(instance);
    for (const connection of instance.connections) connection.cut();
  }

  #ended(instance: Instance, ending: Ending): void {
    instance.ending = ending;
    const code = ending.how === 'stopped' ? 'stopped' : ending.code;
    this.note(`${instance.name} ends: ${code}`);
    this.saw(`ended ${code}`);
    if (code === 'FENCED' && this.calls.isBusy(instance, 'fs.rename')) this.saw('fenced while committing');
    this.#dies(instance);
  }
}

function endingOf(error: unknown): Ending {
  if (error instanceof SluiceError) return { how: error.kind, code: error.code, why: error.message };
  return { how: 'bug', code: 'NOT_A_SLUICE_ERROR', why: String(error) };
}
