import { dirname, join } from 'node:path';
import type { z } from 'zod';
import {
  type CheckContext,
  type DiagnosisContext,
  type Env,
  type Finding,
  type Named,
  type OrphanListing,
  type OrphanScope,
  type Sink,
  type SinkContext,
  type SinkSession,
  SluiceError,
  type Store,
} from '../../core/spi.ts';
import { type FinishOptions, finishParts } from '../filesink/open-state.ts';
import { openPartWriter, type WriterTuning } from '../filesink/open-writer.ts';
import { PartNames } from '../filesink/part-name.ts';
import { Settled } from '../filesink/settled.ts';
import { FileCommitter } from './committer.ts';
import type { ReadDevice } from './device.ts';
import { diagnoseDirectory } from './diagnosis.ts';
import { Directories } from './directories.ts';
import { isErrorCode, toFileError } from './errors.ts';
import type { FileSystem, Status } from './file-system.ts';
import { type FileHandle, fileHandles, type OpenFilePlace, type OpenFileState, openFileStates } from './handle.ts';
import { listOrphans } from './orphans.ts';
import type { fileSettings } from './settings.ts';
import { COPY_BYTES, otherDevice, STAGING, Staging } from './staging.ts';
import { FileStore } from './store.ts';

const HANDLE_KIND = 'file';
/** Copies at a time: libuv has four threads. */
const FINISHING: FinishOptions<OpenFilePlace> = {
  handleKind: HANDLE_KIND,
  inParallel: 4,
  // Of a journal, its records and what they become.
  memoryFor: ({ journal }) => COPY_BYTES + 2 * (journal?.bytes ?? 0),
};

export type FileSinkSettings = z.output<typeof fileSettings>;

export interface FileSinkOptions {
  /** Absolute. */
  readonly root: string;
  readonly settings: FileSinkSettings;
  readonly fs: FileSystem;
  /** For simulations. */
  readonly tuning?: WriterTuning | undefined;
  /** Without it nothing is known of room. */
  readonly readDevice?: ReadDevice | undefined;
}

/** Files in a directory: staged beside their target, made visible by rename. */
export class FileSink implements Sink<FileHandle, OpenFileState> {
  readonly type = 'file';
  readonly identity: string;
  readonly handles = fileHandles;
  readonly states = openFileStates;
  readonly #options: FileSinkOptions;

  constructor(options: FileSinkOptions) {
    this.#options = options;
    this.identity = `file:${options.root}`;
  }

  rootStore(_env: Env): Store {
    const { root, fs, readDevice } = this.#options;
    return new FileStore({ root: join(root, '_sluice'), fs, readDevice });
  }

  /** Only looks: a path that cannot be written to is found before anything is made. */
  async check({ signal }: CheckContext): Promise<void> {
    const { root, fs } = this.#options;
    const staging = join(root, STAGING);
    for (const path of [root, staging]) {
      signal.throwIfAborted();
      await requireUsable(fs, path);
    }
    const [target, staged] = [await look(fs, root), await look(fs, staging)];
    if (target !== undefined && staged !== undefined && target.device !== staged.device)
      throw otherDevice(staging, root);
  }

  async *diagnose(context: DiagnosisContext): AsyncGenerator<Finding> {
    await this.check(context);
    yield { level: 'good', what: 'writable, staging and files on one device' };
    const loss = 'so are the files, while the checkpoints go on behind them';
    yield* diagnoseDirectory({ readDevice: undefined, ...this.#options, loss });
  }

  listOrphans(
    scope: OrphanScope,
    keep: Named<FileHandle, OpenFileState>,
    _context: CheckContext,
  ): Promise<OrphanListing> {
    return listOrphans(this.#options, scope, keep);
  }

  async open(context: SinkContext): Promise<SinkSession<FileHandle, OpenFileState>> {
    const { root, fs, settings, tuning } = this.#options;
    const directories = new Directories(fs);
    const names = new PartNames(context);
    const settled = new Settled(names);
    const committer = new FileCommitter({
      root,
      fs,
      settled,
      directories,
      log: context.env.log,
      takenByReaders: settings.takenByReaders,
    });
    const files = new Staging({ root, fs, directories, names, settled, signal: context.signal });
    return {
      committer,
      openWriter: (events) =>
        openPartWriter({ settings, context, files, names, events, handleKind: HANDLE_KIND, tuning }),
      finishOpen: (states) => finishParts(states, FINISHING, context, (place) => files.finish(place)),
      // Nothing is held open between calls: writers close their own files.
      [Symbol.asyncDispose]: async () => {},
    };
  }
}

/** The path, or the nearest directory above it that exists, must take new names. */
async function requireUsable(fs: FileSystem, path: string): Promise<void> {
  let nearest = path;
  let status = await look(fs, nearest);
  while (status === undefined && dirname(nearest) !== nearest) {
    nearest = dirname(nearest);
    status = await look(fs, nearest);
  }
  if (status?.kind !== 'directory') {
    throw new SluiceError('config', 'FILE_NOT_A_DIRECTORY', {
      message: `sink.path: ${path} cannot be a directory, because ${nearest} is something else`,
      help: 'Choose another path, or move that away.',
      details: { path, nearest },
    });
  }
  try {
    await fs.requireWritable(nearest);
  } catch (error) {
    throw notUsable(error, 'write into', nearest);
  }
}

async function look(fs: FileSystem, path: string): Promise<Status | undefined> {
  try {
    return await fs.stat(path);
  } catch (error) {
    throw notUsable(error, 'look at', path);
  }
}

/** A disk that answers with an error may answer better later; only permissions and paths are the user's to mend. */
function notUsable(error: unknown, doing: string, path: string): SluiceError {
  const cause = toFileError(error, { doing, path });
  if (!isErrorCode(error, 'EACCES', 'EPERM', 'EROFS')) return cause;
  return new SluiceError('config', 'FILE_NOT_WRITABLE', {
    message: `sink.path: ${cause.message}`,
    help: cause.help ?? 'Choose another path.',
    details: { path },
    cause,
  });
}
