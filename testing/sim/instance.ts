import type { z } from 'zod';
import type { FileSystem } from '../../connectors/file/file-system.ts';
import { fileSettings } from '../../connectors/file/settings.ts';
import { FileSink } from '../../connectors/file/sink.ts';
import { FileStore } from '../../connectors/file/store.ts';
import type { WriterTuning } from '../../connectors/filesink/open-writer.ts';
import { HdfsSink } from '../../connectors/hdfs/sink.ts';
import { HdfsStore } from '../../connectors/hdfs/store.ts';
import { kafkaSourceSettings } from '../../connectors/kafka/settings.ts';
import { kafkaSource } from '../../connectors/kafka/source.ts';
import type { S3Handle } from '../../connectors/s3/handle.ts';
import type { OpenUploadState } from '../../connectors/s3/open-upload.ts';
import type { S3Api } from '../../connectors/s3/s3-api.ts';
import { SdkApi } from '../../connectors/s3/sdk-api.ts';
import { type ConnectionSettings, s3Settings, s3StoreSettings } from '../../connectors/s3/settings.ts';
import { S3Sink } from '../../connectors/s3/sink.ts';
import { S3Store } from '../../connectors/s3/store.ts';
import type { Env, LogFields } from '../../core/contract/env.ts';
import type { Sink, SinkContext, SinkSession } from '../../core/contract/sink.ts';
import type { Store } from '../../core/contract/store.ts';
import { type Pipeline, pipeline } from '../../core/index.ts';
import type { HdfsModel } from '../hdfs/model.ts';
import { type Interpose, interposedFileSystem, interposedSpoolDisk, interposedStore } from '../interposed.ts';
import type { KafkaModel } from '../kafka/model.ts';
import { SimulatedWire } from '../kafka/simulated-wire.ts';
import type { MemoryDisk } from '../memory-disk.ts';
import { MemoryFileSystem } from '../memory-file-system.ts';
import { MemoryStore, type MemoryStoreOptions } from '../memory-store.ts';
import { s3Handler } from '../s3/handler.ts';
import { MemorySpoolDisk } from '../s3/memory-spool-disk.ts';
import { S3Model } from '../s3/model.ts';
import { syncCompressor } from '../sync-compressor.ts';
import type { VirtualProcess, VirtualTime } from '../virtual-time.ts';
import type { Caller, Calls } from './calls.ts';
import { hdfsClient, hdfsSettingsOf } from './hdfs-client.ts';
import { OverwritingStore, StaleStore } from './lying-stores.ts';
import { BUCKET, OUT, OUT_PREFIX, SMALL_PART_BYTES, STATE, STATE_PREFIX } from './places.ts';
import type { Plan } from './plan.ts';
import type { Weather } from './weather.ts';

/** Static keys and an endpoint: the SDK then looks for nothing on disk. */
const S3_CONNECTION = {
  region: 'us-east-1',
  endpoint: 'http://127.0.0.1:9000',
  credentials: { accessKeyId: 'simulated', secretAccessKey: 'simulated' },
};
const WALL_CLOCK_MS = 1_790_000_000_000;

// The AWS client makes parts of itself at its first request, which takes real time; in virtual time it would miss minutes.
await new SdkApi({
  settings: s3StoreSettings.parse({ type: 's3', bucket: BUCKET, prefix: '', ...S3_CONNECTION }),
  requestHandler: s3Handler(async (_, effect) => effect(), new S3Model({ buckets: [BUCKET] })),
}).listKeys({ bucket: BUCKET, prefix: '' });

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
  readonly s3: S3Model;
  readonly hdfs: HdfsModel;
  /** Who made each object of the store, by the label of the call. */
  readonly creators: Map<string, string>;
  readonly weather: Weather;
  readonly calls: Calls;
  readonly wallClockShiftMs: number;
  readonly alive: readonly Caller[];
  note(event: string): void;
  saw(what: string): void;
  claimed(by: string, epoch: number): void;
}

/** The whole real engine with its real connectors, every port of it led through the simulator. */
export function simulatedPipeline(around: Surroundings, self: Caller, changes: Changes): Pipeline {
  const { plan } = around;
  const { intervalMs, rollRecords } = { ...plan, ...changes };
  const fs = interposedFileSystem(new MemoryFileSystem(around.disk), through(around, self, 'disk'));
  const { directory, compression, maxOpenParts, rollAgeMs, staysOpen } = plan;
  const files: Files = {
    format: 'ndjson',
    directory,
    ...(directory.includes('{time:') && { time: { field: 's', unit: 's', notBefore: '1970-01-01' } }),
    compression,
    maxOpenParts,
    roll: {
      onCheckpoint: !staysOpen,
      ...{ records: rollRecords, bytes: `${plan.rollBytes}B`, ...(rollAgeMs && { age: `${rollAgeMs}ms` }) },
    },
    takenByReaders: plan.faults.has('loader') ? 'assume' : 'fail',
  };
  return pipeline({
    name: 'sim',
    source: simulatedSource(around, self),
    sink: simulatedSink(around, self, fs, files),
    checkpoints: {
      interval: `${intervalMs}ms`,
      retain: plan.retain,
      timeout: '60s',
      store: simulatedStore(around, self, fs),
    },
  });
}

/** The process's clock and randomness; what it logs goes to the trace. */
export function simulatedEnv(around: Surroundings, { name, virtual }: Caller): Env {
  const wallClockMs = () => WALL_CLOCK_MS + around.time.nowMs + around.wallClockShiftMs;
  const log = (level: string) => (message: string, fields?: LogFields) => {
    around.note(`${name} ${level}: ${message}`);
    const seen = SAYINGS.get(message);
    if (seen !== undefined) around.saw(seen);
    if (message !== 'this instance owns the pipeline') return;
    around.claimed(name, fields?.epoch as number);
    if (around.alive.length >= 3) around.saw('a claim while three instances live');
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

type Files = Pick<
  z.input<typeof s3Settings>,
  'format' | 'directory' | 'time' | 'compression' | 'maxOpenParts' | 'roll' | 'takenByReaders'
>;

function simulatedSink(around: Surroundings, self: Caller, fs: FileSystem, files: Files): Sink {
  switch (around.plan.sink) {
    case 'file':
      return fileSink(around, fs, files);
    case 's3':
      return s3Sink(around, self, files);
    case 'hdfs':
      return new HdfsSink({
        settings: hdfsSettingsOf(around.hdfs, files),
        client: hdfsClient(around, self, simulatedEnv(around, self)),
        tuning: tuningOf(around.plan),
      });
  }
}

function fileSink({ plan }: Surroundings, fs: FileSystem, files: Files): Sink {
  const settings = fileSettings.parse({ type: 'file', path: OUT, ...files });
  return new FileSink({ root: OUT, settings, fs, tuning: tuningOf(plan) });
}

function s3Sink(around: Surroundings, self: Caller, files: Files): Sink {
  const prefix = OUT_PREFIX.slice(0, -1);
  const parsed = s3Settings.parse({ type: 's3', bucket: BUCKET, prefix, ...S3_CONNECTION, ...files });
  // A file that stays open is to have parts, and a run is to be short.
  const settings = around.plan.staysOpen ? { ...parsed, partBytes: SMALL_PART_BYTES } : parsed;
  const options = { settings, api: s3Api(around, self, settings), tuning: tuningOf(around.plan) };
  if (!around.plan.spool) return new S3Sink(options);
  const send = through(around, self, 'disk');
  const disk = interposedSpoolDisk(new MemorySpoolDisk(), (label, effect) => {
    if (label.startsWith('spool.read')) around.saw('a part came back from disk');
    return send(label, effect);
  });
  return new S3SinkInNeed({ ...options, spool: { directory: '/spool', disk } });
}

/** One whose memory holds one part that has begun. */
class S3SinkInNeed extends S3Sink {
  override open(context: SinkContext): Promise<SinkSession<S3Handle, OpenUploadState>> {
    const { memory } = context;
    return super.open({
      ...context,
      memory: { limitBytes: 100_000, reserve: (bytes, options) => memory.reserve(bytes, options) },
    });
  }
}

function tuningOf({ rangeBytes, inFlightRanges }: Plan): WriterTuning {
  return { rangeBytesMax: rangeBytes, inFlightRangesMax: inFlightRanges, compressorOf: syncCompressor };
}

function simulatedStore(around: Surroundings, self: Caller, fs: FileSystem): Store {
  const { plan } = around;
  if (plan.store === 'file') return new FileStore({ root: STATE, fs });
  if (plan.store === 'network') return networkStore(around, self);
  if (plan.store === 'hdfs')
    return new HdfsStore({
      root: STATE,
      client: hdfsClient(around, self, simulatedEnv(around, self)),
      ids: self.virtual.env.ids,
    });
  const prefix = STATE_PREFIX.slice(0, -1);
  const settings = s3StoreSettings.parse({ type: 's3', bucket: BUCKET, prefix, ...S3_CONNECTION });
  return new S3Store({ bucket: BUCKET, prefix, api: s3Api(around, self, settings) });
}

/** The real client of the AWS SDK, its requests answered by the model. */
function s3Api({ calls, s3 }: Surroundings, self: Caller, settings: ConnectionSettings): S3Api {
  const requestHandler = s3Handler((label, effect) => calls.call(self, 's3', label, effect), s3);
  return new SdkApi({ settings, requestHandler });
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
  ['finished what the previous run was still writing', 'open files finished by a successor'],
  ['discarded what a crashed run had staged', 'orphans discarded'],
  ['another instance claimed first, looking again', 'a claim lost to another'],
  ['new partitions are read from now on', 'new partitions found'],
  ['the output marker was missing and is made again', 'the marker made again'],
  ['a commit has to be tried again', 'a commit tried again'],
]);
