import { join } from 'node:path';
import { SluiceError } from '../../core/spi.ts';
import type { PartFile, PartFiles } from '../filesink/part-files.ts';
import { Slots } from '../filesink/slots.ts';
import type { Directories } from './directories.ts';
import { isErrorCode, toFileError, withFileErrors } from './errors.ts';
import { type FileSystem, type OpenFile, writeAll } from './file-system.ts';
import type { FileHandle } from './handle.ts';

export const STAGING = '.staging';
/** Node runs four file calls at a time; syncs may take seconds, and the next parts must be written meanwhile. */
const SYNCS_MAX = 2;

export interface StagingOptions {
  readonly root: string;
  readonly fs: FileSystem;
  readonly directories: Directories;
}

/** Stages parts in `<root>/.staging/`, from where a rename can make them visible. */
export class Staging implements PartFiles<FileHandle> {
  readonly #options: StagingOptions;
  readonly #staging: string;
  readonly #syncSlots = new Slots(SYNCS_MAX);

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#staging = join(options.root, STAGING);
  }

  async open({ directory, name }: { directory: string; name: string }): Promise<PartFile<FileHandle>> {
    const { root, directories } = this.#options;
    const target = join(root, directory);
    await directories.ensure(this.#staging);
    await directories.ensure(target);
    await this.#requireSameDevice(target);
    const staged = join(this.#staging, name);
    const file = await this.#create(staged);
    return new StagedPart({ file, staged, final: join(target, name), durably: (file) => this.#durably(staged, file) });
  }

  async #create(staged: string): Promise<OpenFile> {
    try {
      return await this.#options.fs.create(staged);
    } catch (error) {
      if (isErrorCode(error, 'EEXIST')) throw nameTaken(staged, error);
      throw toFileError(error, { doing: 'create', path: staged });
    }
  }

  async #requireSameDevice(target: string): Promise<void> {
    const { fs } = this.#options;
    const staging = await withFileErrors({ doing: 'look at', path: this.#staging }, () => fs.stat(this.#staging));
    const status = await withFileErrors({ doing: 'look at', path: target }, () => fs.stat(target));
    // A directory that vanished since it was made fails in `create` or in the commit, which say so.
    if (staging === undefined || status === undefined || staging.device === status.device) return;
    throw otherDevice(this.#staging, target);
  }

  async #durably(staged: string, file: OpenFile): Promise<void> {
    await this.#syncSlots.run(async () => {
      await withFileErrors({ doing: 'make durable', path: staged }, () => file.sync());
      await withFileErrors({ doing: 'close', path: staged }, () => file.close());
    });
    const { directories } = this.#options;
    await withFileErrors({ doing: 'make durable', path: this.#staging }, () => directories.sync(this.#staging));
  }
}

export function otherDevice(staging: string, target: string): SluiceError {
  return new SluiceError('config', 'FILE_OTHER_DEVICE', {
    message: `${staging} and ${target} are on different devices, so no file can be moved from one to the other in one step`,
    help: 'Make sink.path and everything below it one file system: no mount points or links to another disk inside.',
    details: { staging, target },
  });
}

/** Epochs are never given twice, so this means that the checkpoints of this run were copied or taken back to an older state. */
function nameTaken(staged: string, cause: unknown): SluiceError {
  return new SluiceError('rejected', 'FILE_STAGED_NAME_TAKEN', {
    message: `${staged} exists already, although no other run can have had this name`,
    help: 'Were the checkpoints copied or restored while another run used them? Make sure that only one of them is left.',
    details: { staged },
    cause,
  });
}

interface StagedPartOptions {
  readonly file: OpenFile;
  readonly staged: string;
  readonly final: string;
  readonly durably: (file: OpenFile) => Promise<void>;
}

class StagedPart implements PartFile<FileHandle> {
  readonly #options: StagedPartOptions;
  #bytes = 0;
  #state: 'open' | 'closed' = 'open';

  constructor(options: StagedPartOptions) {
    this.#options = options;
  }

  async append(chunks: readonly Buffer[]): Promise<void> {
    const { file, staged } = this.#options;
    await withFileErrors({ doing: 'write', path: staged }, () => writeAll(file, chunks));
    for (const chunk of chunks) this.#bytes += chunk.length;
  }

  async close(): Promise<FileHandle> {
    const { file, staged, final, durably } = this.#options;
    await durably(file);
    this.#state = 'closed';
    return { staged, final, bytes: this.#bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    // The part has failed or is given up, and its bytes are nobody's: an error of closing adds nothing.
    await this.#options.file.close().catch(() => {});
  }
}
