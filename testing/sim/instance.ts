import { fileSettings } from '../../connectors/file/settings.ts';
import { FileSink } from '../../connectors/file/sink.ts';
import { FileStore } from '../../connectors/file/store.ts';
import { kafkaSourceSettings } from '../../connectors/kafka/settings.ts';
import { kafkaSource } from '../../connectors/kafka/source.ts';
import type { Env } from '../../core/contract/env.ts';
import type { Store } from '../../core/contract/store.ts';
import { type Pipeline, pipeline } from '../../core/index.ts';
import { type Interpose, interposedFileSystem, interposedStore } from '../interposed.ts';
import type { KafkaModel } from '../kafka/model.ts';
import { SimulatedWire } from '../kafka/simulated-wire.ts';
import type { MemoryDisk } from '../memory-disk.ts';
import { MemoryFileSystem } from '../memory-file-system.ts';
import { MemoryStore, type MemoryStoreOptions } from '../memory-store.ts';
import type { VirtualProcess, VirtualTime } from '../virtual-time.ts';
import type { Caller, Calls } from './calls.ts';
import { OverwritingStore, StaleStore } from './lying-stores.ts';
import type { Plan } from './plan.ts';
import type { Weather } from './weather.ts';

export const OUT = '/data/out';
export const STATE = '/data/state';
const WALL_CLOCK_MS = 1_790_000_000_000;

/** What an operator may change between starts. */
export interface Changes {
  readonly intervalMs?: number;
  readonly rollRecords?: number;
}

/** The world as one process finds it. */
export interface Surroundings {
  readonly plan: Plan;
  readonly time: VirtualTime;
  readonly self: VirtualProcess;
  readonly topics: readonly string[];
  readonly kafka: KafkaModel;
  readonly disk: MemoryDisk;
  readonly objects: Map<string, Uint8Array>;
  /** Who made each object of the store, by the label of the call. */
  readonly creators: Map<string, string>;
  readonly weather: Weather;
  readonly calls: Calls;
  readonly wallClockShiftMs: number;
  readonly alive: readonly Caller[];
  note(event: string): void;
  saw(what: string): void;
}

/** The whole real engine with its real connectors, every port of it led through the simulator. */
export function simulatedPipeline(around: Surroundings, self: Caller, changes: Changes): Pipeline {
  const { plan } = around;
  const { intervalMs, rollRecords } = { ...plan, ...changes };
  const fs = interposedFileSystem(new MemoryFileSystem(around.disk), through(around, self, 'disk'));
  const settings = fileSettings.parse({
    type: 'file',
    path: OUT,
    format: 'ndjson',
    roll: { records: rollRecords, bytes: `${plan.rollBytes}B` },
    takenByReaders: plan.faults.has('loader') ? 'assume' : 'fail',
  });
  return pipeline({
    name: 'sim',
    source: simulatedSource(around, self),
    sink: new FileSink({ root: OUT, settings, fs }),
    checkpoints: {
      interval: `${intervalMs}ms`,
      retain: plan.retain,
      timeout: '60s',
      store: plan.store === 'file' ? new FileStore({ root: STATE, fs }) : networkStore(around, self),
    },
  });
}

/** The process's clock and randomness; what it logs goes to the trace. */
export function simulatedEnv(around: Surroundings, { name, virtual }: Caller): Env {
  const wallClockMs = () => WALL_CLOCK_MS + around.time.nowMs + around.wallClockShiftMs;
  const log = (level: string) => (message: string) => {
    around.note(`${name} ${level}: ${message}`);
    const seen = SAYINGS.get(message);
    if (seen !== undefined) around.saw(seen);
    if (message === 'this instance owns the pipeline' && around.alive.length >= 3)
      around.saw('a claim while three instances live');
  };
  return {
    ...virtual.env,
    clock: {
      nowMs: wallClockMs,
      isoNow: () => new Date(wallClockMs()).toISOString(),
      monotonicMs: () => around.time.nowMs,
    },
    log: { debug() {}, info: log('info'), warn: log('warn'), error: log('error') },
    metrics: {
      add: (counter) => {
        if (counter === 'restarts') around.saw('restarted by itself');
      },
      set() {},
    },
  };
}

function through({ calls }: Surroundings, self: Caller, port: 'disk' | 'store'): Interpose {
  return (label, effect) => calls.call(self, port, label, effect);
}

function simulatedSource(around: Surroundings, self: Caller) {
  const { plan, kafka, weather } = around;
  const settings = kafkaSourceSettings.parse({
    type: 'kafka',
    brokers: kafka.addresses,
    topics: around.topics,
    fetch: { maxBytes: `${plan.fetchKiB}KiB`, maxWait: '500ms' },
    discovery: `${plan.discoveryMs}ms`,
  });
  const exchange = {
    call: <T>(label: string, effect: () => T | Promise<T>) => around.calls.call(self, 'kafka', label, effect),
  };
  const mangle = (apiKey: number, body: Buffer) => weather.mangle(apiKey, body);
  return kafkaSource(settings, {
    baseDir: '/',
    connect: async ({ env }) => new SimulatedWire({ model: kafka, env, world: around.self.env, exchange, mangle }),
  });
}

function networkStore(around: Surroundings, self: Caller): Store {
  const store = storeFor(around.plan.harm, { identity: 'net:checkpoints', objects: around.objects });
  const send = through(around, self, 'store');
  return interposedStore(store, (label, effect) =>
    send(label, async () => {
      const answer = await effect();
      if (!label.startsWith('store.create ')) return answer;
      if (answer === 'created') around.creators.set(label, self.name);
      else
        around.saw(
          around.creators.get(label) === self.name ? 'a conflict that was mine' : 'a conflict that was not mine',
        );
      return answer;
    }),
  );
}

function storeFor(harm: Plan['harm'], options: MemoryStoreOptions): Store {
  if (harm === 'lyingStore') return new OverwritingStore(options);
  return harm === 'staleStore' ? new StaleStore(options) : new MemoryStore(options);
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
