import { fileSettings } from '../../connectors/file/settings.ts';
import { FileSink } from '../../connectors/file/sink.ts';
import { FileStore } from '../../connectors/file/store.ts';
import { kafkaSourceSettings } from '../../connectors/kafka/settings.ts';
import { kafkaSource } from '../../connectors/kafka/source.ts';
import type { Env } from '../../core/contract/env.ts';
import type { Store } from '../../core/contract/store.ts';
import { type ErrorKind, SluiceError } from '../../core/errors.ts';
import { pipeline } from '../../core/index.ts';
import { Dice } from '../dice.ts';
import { type Interpose, interposedFileSystem, interposedStore } from '../interposed.ts';
import { KafkaModel } from '../kafka/model.ts';
import { SimulatedWire } from '../kafka/simulated-wire.ts';
import { Ledger } from '../ledger/index.ts';
import { MemoryDisk } from '../memory-disk.ts';
import { MemoryFileSystem } from '../memory-file-system.ts';
import { MemoryStore, type MemoryStoreOptions } from '../memory-store.ts';
import { type VirtualProcess, VirtualTime } from '../virtual-time.ts';
import { type Caller, Calls, type Strike } from './calls.ts';
import { OverwritingStore, StaleStore } from './lying-stores.ts';
import type { Plan } from './plan.ts';
import { Trace } from './trace.ts';
import { errorOf, Weather } from './weather.ts';

export const OUT = '/data/out';
export const STATE = '/data/state';
const WALL_CLOCK_MS = 1_790_000_000_000;

/** How a process ended by itself. */
export type Ending =
  | { readonly how: 'stopped' }
  | { readonly how: ErrorKind; readonly code: string; readonly why: string };

/** One process that runs the pipeline. */
export interface Instance extends Caller {
  readonly stop: AbortController;
  ending: Ending | undefined;
}

export interface WorldOptions {
  /** Every event, instead of the last ones. */
  readonly keepTrace?: boolean | undefined;
  /** What happens at some port calls, whatever the plan says. */
  readonly strikes?: readonly Strike[] | undefined;
}

/** What all processes of a run share: time, a disk, a checkpoint store, a Kafka cluster, and the truth about its records. */
export class World {
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
  readonly instances: Instance[] = [];
  /** Things that a good set of runs must have seen, and how often. */
  readonly sometimes = new Map<string, number>();
  /** What went wrong so far. */
  readonly anomalies: string[] = [];
  /** What a strike has killed or paused. */
  struck: Instance | undefined;
  disk = new MemoryDisk();
  wallClockShiftMs = 0;
  readonly #creators = new Map<string, string>();

  constructor(plan: Plan, { keepTrace = false, strikes = [] }: WorldOptions = {}) {
    this.plan = plan;
    this.dice = new Dice(plan.seed).fork('world');
    this.trace = new Trace({ keepAll: keepTrace });
    this.self = this.time.process({ pid: 0, seed: plan.seed });
    this.kafka = new KafkaModel({ nodes: plan.nodes });
    this.weather = new Weather(plan, this.dice.fork('weather'));
    this.kafka.state.readsFrom = (offset) => this.weather.readsFrom(offset);
    this.calls = new Calls({
      time: this.time,
      world: this.self,
      dice: this.dice.fork('calls'),
      trace: this.trace,
      fateOf: (port, label) => this.weather.fateOf(port, label),
      errorOf,
      strikes,
      onStrike: (kind, by) => this.#strike(kind, by as Instance),
      latencyMs: { disk: 4, store: 80, kafka: 40 },
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

  sleep(ms: number): Promise<void> {
    return this.self.env.timers.sleep(ms);
  }

  /** Starts the pipeline as a process of its own. */
  start(changes: { intervalMs?: number; rollRecords?: number } = {}): Instance {
    const { plan } = this;
    const { intervalMs, rollRecords } = { ...plan, ...changes };
    const pid = this.instances.length + 1;
    const instance: Instance = {
      name: `p${pid}`,
      virtual: this.time.process({ pid, seed: plan.seed * 1000 + pid }),
      alive: true,
      stop: new AbortController(),
      ending: undefined,
    };
    this.instances.push(instance);
    this.note(`${instance.name} starts`);
    const env = this.#envOf(instance);
    const fs = interposedFileSystem(new MemoryFileSystem(this.disk), this.#through(instance, 'disk'));
    const settings = fileSettings.parse({
      type: 'file',
      path: OUT,
      format: 'ndjson',
      roll: { records: rollRecords, bytes: `${plan.rollBytes}B` },
      takenByReaders: plan.faults.has('loader') ? 'assume' : 'fail',
    });
    pipeline({
      name: 'sim',
      source: this.#source(instance),
      sink: new FileSink({ root: OUT, settings, fs }),
      checkpoints: {
        interval: `${intervalMs}ms`,
        retain: plan.retain,
        timeout: '60s',
        store: this.#store(instance, fs),
      },
    })
      .run({ env, signal: instance.stop.signal })
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
    this.calls.powerLost();
    this.disk = this.disk.powerLoss(random);
  }

  pause(instance: Instance, paused: boolean): void {
    this.note(`${instance.name} ${paused ? 'is paused' : 'goes on'}`);
    this.saw(paused ? 'paused' : 'went on after a pause');
    instance.virtual.paused = paused;
  }

  /** Keys of the checkpoint slots that exist, oldest first; for the file store below its root. */
  slotPaths(): string[] {
    const all = this.plan.store === 'file' ? this.disk.filesBelow(STATE).keys() : this.objects.keys();
    return [...all].filter((path) => /\/\d{12}\.json$/.test(path)).sort();
  }

  /**
   * What every later start has behind it, even after a power loss: the lowest positions in all slots, once there are three. Any
   * one slot will not do, as a writer that was paused may leave one under an old number with positions that nobody else has.
   */
  savedPositions(): { id: string; offset: number }[] {
    const paths = this.slotPaths();
    if (paths.length < 3) return [];
    const files = this.plan.store === 'file' ? this.disk.filesBelow(STATE) : this.objects;
    const lowest = new Map<string, number>();
    for (const path of paths) {
      const { source } = JSON.parse(Buffer.from(files.get(path) as Uint8Array).toString('utf8'));
      for (const { id, position } of source.splits as { id: string; position: { offset: number } }[])
        lowest.set(id, Math.min(lowest.get(id) ?? position.offset, position.offset));
    }
    return [...lowest].map(([id, offset]) => ({ id, offset }));
  }

  #strike(kind: 'crash' | 'pause', instance: Instance): void {
    this.struck = instance;
    if (kind === 'crash') this.kill(instance);
    else this.pause(instance, true);
  }

  #dies(instance: Instance): void {
    instance.alive = false;
    instance.virtual.kill();
    this.calls.died(instance);
  }

  #ended(instance: Instance, ending: Ending): void {
    instance.ending = ending;
    const code = ending.how === 'stopped' ? 'stopped' : ending.code;
    this.note(`${instance.name} ends: ${code}`);
    this.saw(`ended ${code}`);
    if (code === 'FENCED' && this.calls.isBusy(instance, 'fs.rename')) this.saw('fenced while committing');
    this.#dies(instance);
  }

  #source(instance: Instance) {
    const { fetchKiB, discoveryMs } = this.plan;
    const settings = kafkaSourceSettings.parse({
      type: 'kafka',
      brokers: this.kafka.addresses,
      topics: this.topics,
      fetch: { maxBytes: `${fetchKiB}KiB`, maxWait: '500ms' },
      discovery: `${discoveryMs}ms`,
    });
    const exchange = {
      call: <T>(label: string, effect: () => T | Promise<T>) => this.calls.call(instance, 'kafka', label, effect),
    };
    return kafkaSource(settings, {
      baseDir: '/',
      connect: async ({ env }) =>
        new SimulatedWire({
          model: this.kafka,
          env,
          world: this.self.env,
          exchange,
          mangle: (apiKey, body) => this.weather.mangle(apiKey, body),
        }),
    });
  }

  #store(instance: Instance, fs: ReturnType<typeof interposedFileSystem>): Store {
    if (this.plan.store === 'file') return new FileStore({ root: STATE, fs });
    const options = { identity: 'net:checkpoints', objects: this.objects };
    const store = storeFor(this.plan.harm, options);
    const through = this.#through(instance, 'store');
    const watched: Interpose = (label, effect) =>
      through(label, async () => {
        const answer = await effect();
        if (label.startsWith('store.create ')) this.#judgeCreate(label, answer, instance);
        return answer;
      });
    return interposedStore(store, watched);
  }

  #judgeCreate(label: string, answer: unknown, { name }: Instance): void {
    if (answer === 'created') this.#creators.set(label, name);
    else this.saw(this.#creators.get(label) === name ? 'a conflict that was mine' : 'a conflict that was not mine');
  }

  #through(instance: Instance, port: 'disk' | 'store'): Interpose {
    return (label, effect) => this.calls.call(instance, port, label, effect);
  }

  #envOf(instance: Instance): Env {
    const { env } = instance.virtual;
    const wallClockMs = () => WALL_CLOCK_MS + this.time.nowMs + this.wallClockShiftMs;
    const log = (level: string) => (message: string) => {
      this.note(`${instance.name} ${level}: ${message}`);
      this.#heard(message);
    };
    return {
      ...env,
      clock: {
        nowMs: wallClockMs,
        isoNow: () => new Date(wallClockMs()).toISOString(),
        monotonicMs: () => this.time.nowMs,
      },
      log: { debug() {}, info: log('info'), warn: log('warn'), error: log('error') },
      metrics: {
        add: (counter) => {
          if (counter === 'restarts') this.saw('restarted by itself');
        },
        set() {},
      },
    };
  }

  #heard(message: string): void {
    const seen = SAYINGS.get(message);
    if (seen !== undefined) this.saw(seen);
    if (message === 'this instance owns the pipeline' && this.alive.length >= 3)
      this.saw('a claim while three instances live');
  }
}

/** What a log line says about the run. */
const SAYINGS = new Map([
  ['committing what the previous run staged', 'handles committed by a successor'],
  ['discarded what a crashed run had staged', 'orphans discarded'],
  ['another instance claimed first, looking again', 'a claim lost to another'],
  ['new partitions are read from now on', 'new partitions found'],
  ['the output marker was missing and is made again', 'the marker made again'],
  ['a commit has to be tried again', 'a commit tried again'],
]);

function storeFor(harm: Plan['harm'], options: MemoryStoreOptions): Store {
  if (harm === 'lyingStore') return new OverwritingStore(options);
  return harm === 'staleStore' ? new StaleStore(options) : new MemoryStore(options);
}

function endingOf(error: unknown): Ending {
  if (error instanceof SluiceError) return { how: error.kind, code: error.code, why: error.message };
  return { how: 'bug', code: 'NOT_A_SLUICE_ERROR', why: String(error) };
}
