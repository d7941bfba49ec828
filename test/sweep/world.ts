import { datagen } from '../../connectors/datagen/index.ts';
import { fileSettings } from '../../connectors/file/settings.ts';
import { FileSink } from '../../connectors/file/sink.ts';
import { FileStore } from '../../connectors/file/store.ts';
import type { Source, SourceSession, SplitReader } from '../../core/contract/source.ts';
import { SluiceError } from '../../core/errors.ts';
import { pipeline, type RunResult } from '../../core/index.ts';
import { type Fault, Gate } from '../../testing/gate.ts';
import { interposedFileSystem } from '../../testing/interposed.ts';
import { fileSystemError, MemoryDisk } from '../../testing/memory-disk.ts';
import { MemoryFileSystem } from '../../testing/memory-file-system.ts';
import { type VirtualProcess, VirtualTime } from '../../testing/virtual-time.ts';

export const OUT = '/data/out';
const STATE = '/data/state';
export const PARTITIONS = 2;
export const RECORDS = 36;

/** What is shared by all processes of one run: time and a disk. */
export class World {
  readonly time = new VirtualTime();
  disk = new MemoryDisk();
  #pids = 0;

  /** Starts the whole pipeline as a process of its own; `fault` strikes at one of its port calls. */
  start({
    fault,
    settings = {},
  }: {
    fault?: Fault | undefined;
    settings?: { takenByReaders?: 'assume' };
  } = {}): Started {
    const pid = ++this.#pids;
    const process = this.time.process({ pid, seed: pid });
    const gate = new Gate({ fault, makeError: portError });
    const fs = interposedFileSystem(new MemoryFileSystem(this.disk), (label, effect) => gate.call(label, effect));
    const sinkSettings = fileSettings.parse({
      type: 'file',
      path: OUT,
      format: 'ndjson',
      roll: { records: 5 },
      ...settings,
    });
    const running = pipeline({
      name: 'swept',
      source: gatedSource(datagen({ partitions: PARTITIONS, count: RECORDS, rate: 200, valueBytes: 60 }), gate),
      sink: new FileSink({ root: OUT, settings: sinkSettings, fs }),
      checkpoints: { interval: '60ms', retain: 2, store: new FileStore({ root: STATE, fs }) },
      restart: { attempts: 3 },
    }).run({ env: process.env });
    // A process that dies is abandoned: what would become of it is nobody's business.
    running.catch(() => undefined);
    return { gate, process, running };
  }

  /** The power goes: what was not synced is gone. */
  losePower(random?: () => number): void {
    this.disk = this.disk.powerLoss(random);
  }
}

export interface Started {
  readonly gate: Gate;
  readonly process: VirtualProcess;
  readonly running: Promise<RunResult>;
}

function portError(label: string): Error {
  if (label.startsWith('source.')) return new SluiceError('unavailable', 'PORT_AWAY', { message: `${label}: away` });
  return fileSystemError('EIO', label);
}

function gatedSource<P>(source: Source<P>, gate: Gate): Source<P> {
  return {
    ...source,
    open: async (context) => gatedSession(await gate.call('source.open', () => source.open(context)), gate),
  };
}

function gatedSession<P>(session: SourceSession<P>, gate: Gate): SourceSession<P> {
  return {
    discover: (options) => gate.call('source.discover', () => session.discover(options)),
    startPositions: (splits, why, options) =>
      gate.call('source.startPositions', () => session.startPositions(splits, why, options)),
    openReader: () => gatedReader(session.openReader(), gate),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function gatedReader<P>(reader: SplitReader<P>, gate: Gate): SplitReader<P> {
  return {
    assign: (splits) => reader.assign(splits),
    revoke: (splits) => reader.revoke(splits),
    poll: (options) => gate.call('source.poll', () => reader.poll(options)),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}
