import { basename, dirname, join } from 'node:path';
import { assert, SluiceError } from '../../core/spi.ts';
import { type Ended, endOrLose, Missing } from '../filesink/open-state.ts';
import type { PartFile, PartFiles } from '../filesink/part-files.ts';
import { type PartNames, parsePartName } from '../filesink/part-name.ts';
import type { Settled } from '../filesink/settled.ts';
import { Slots } from '../filesink/slots.ts';
import { endOpen } from '../formats/end-open.ts';
import type { Beside } from '../formats/part-encoder.ts';
import type { Directories } from './directories.ts';
import { isErrorCode, toFileError, withFileErrors } from './errors.ts';
import { type FileSystem, type OpenFile, writeAll } from './file-system.ts';
import type { FileHandle, OpenFilePlace, StagedBytes } from './handle.ts';
import { JOURNAL_EXTENSION, Journal } from './journal.ts';

export const STAGING = '.staging';
/** Node runs four file calls at a time; syncs may take seconds, and the next parts must be written meanwhile. */
const SYNCS_MAX = 2;
/** What is copied at a time of a file that an earlier incarnation had open. */
export const COPY_BYTES = 1024 * 1024;

export interface StagingOptions {
  readonly root: string;
  readonly fs: FileSystem;
  readonly directories: Directories;
  /** Of this incarnation. */
  readonly names: PartNames;
  /** Hears of cuts. */
  readonly settled?: Settled | undefined;
  /** Aborts when the incarnation is over. */
  readonly signal: AbortSignal;
}

/** Stages parts in `<root>/.staging/`, from where a rename can make them visible. */
export class Staging implements PartFiles<FileHandle, OpenFilePlace> {
  readonly #options: StagingOptions;
  readonly #staging: string;
  readonly #syncSlots = new Slots(SYNCS_MAX);

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#staging = join(options.root, STAGING);
  }

  onCut(): void {
    this.#options.settled?.cutBegins();
  }

  async open({ directory, name }: { directory: string; name: string }): Promise<PartFile<FileHandle, OpenFilePlace>> {
    return await this.#begin(join(this.#options.root, directory), name);
  }

  /**
   * Ends a file that an earlier incarnation had open, at what it recorded, under a new name: whoever wrote it may still write
   * to the file itself.
   */
  async finish({ staged, final, bytes, journal }: OpenFilePlace): Promise<Ended<FileHandle>> {
    const { extension } = parsePartName(basename(staged)) ?? {};
    assert(extension !== undefined, `a state names a part: ${staged}`);
    return await endOrLose(staged, async () => {
      await using part = await this.#begin(dirname(final), this.#options.names.next(extension));
      for await (const chunk of this.#recorded({ staged, bytes }, 'it')) await part.append([chunk]);
      if (journal !== undefined) await part.append(await endOpen(this.#recorded(journal, journal.staged), bytes));
      const payload = await part.close();
      return { kind: 'staged', payload, bytes: payload.bytes };
    });
  }

  /** What a state has recorded of a file, piece by piece. Throws `Missing` where it ends earlier. */
  async *#recorded({ staged, bytes }: StagedBytes, what: string): AsyncGenerator<Buffer> {
    let copied = 0;
    while (copied < bytes) {
      this.#options.signal.throwIfAborted();
      const chunk = await this.#readStaged(staged, { from: copied, bytes: Math.min(bytes - copied, COPY_BYTES) });
      if (chunk.length === 0)
        throw new Missing(
          copied === 0 ? `${what} is gone, or empty` : `${what} has ${copied} bytes instead of ${bytes}`,
        );
      yield chunk;
      copied += chunk.length;
    }
  }

  async #begin(target: string, name: string): Promise<StagedPart> {
    const { directories } = this.#options;
    await directories.ensure(this.#staging);
    await directories.ensure(target);
    await this.#requireSameDevice(target);
    const staged = join(this.#staging, name);
    const file = await this.#create(staged);
    return new StagedPart({
      ...{ file, staged, final: join(target, name) },
      journal: new Journal({ begin: () => this.#beginJournal(), sync: (path, journal) => this.#sync(path, journal) }),
      durably: ({ named }) => this.#durably(staged, file, { named }),
      durablyClosed: () => this.#durably(staged, file, { close: true }),
    });
  }

  async #beginJournal(): Promise<{ staged: string; file: OpenFile }> {
    const staged = join(this.#staging, this.#options.names.next(JOURNAL_EXTENSION));
    return { staged, file: await this.#create(staged) };
  }

  async #readStaged(path: string, range: { from: number; bytes: number }): Promise<Buffer> {
    try {
      const bytes = await this.#options.fs.readRange(path, range);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      if (isErrorCode(error, 'ENOENT')) return Buffer.alloc(0);
      throw toFileError(error, { doing: 'read', path });
    }
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

  /** With `named` false all names are durable already. */
  async #durably(staged: string, file: OpenFile, { close = false, named = true } = {}): Promise<void> {
    await this.#sync(staged, file, { close });
    if (!named) return;
    const { directories } = this.#options;
    await withFileErrors({ doing: 'make durable', path: this.#staging }, () => directories.sync(this.#staging));
  }

  async #sync(staged: string, file: OpenFile, { close = false } = {}): Promise<void> {
    await this.#syncSlots.run(async () => {
      await withFileErrors({ doing: 'make durable', path: staged }, () => file.sync());
      if (close) await withFileErrors({ doing: 'close', path: staged }, () => file.close());
    });
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
  readonly journal: Journal;
  /** The bytes, and with `named` every name that was begun before. */
  durably(what: { named: boolean }): Promise<void>;
  durablyClosed(): Promise<void>;
}

class StagedPart implements PartFile<FileHandle, OpenFilePlace> {
  readonly #options: StagedPartOptions;
  #bytes = 0;
  /** Its name is durable. */
  #isNamed = false;
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
    const { staged, final, journal, durablyClosed } = this.#options;
    await durablyClosed();
    this.#state = 'closed';
    await journal.close();
    return { staged, final, bytes: this.#bytes };
  }

  async keepBeside(beside: Beside): Promise<void> {
    await this.#options.journal.add(beside);
  }

  async persist(beside?: Beside): Promise<OpenFilePlace> {
    const { staged, final, journal, durably } = this.#options;
    const kept = beside === undefined ? {} : { journal: await journal.keep(beside) };
    // A journal may have been begun since.
    await durably({ named: !this.#isNamed || beside !== undefined });
    this.#isNamed = true;
    return { staged, final, bytes: this.#bytes, ...kept };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    // The part has failed or is given up, and its bytes are nobody's: an error of closing adds nothing.
    await this.#options.file.close().catch(() => {});
    await this.#options.journal.close();
  }
}
