import { join } from 'node:path';
import { type Env, type ErrorKind, SluiceError } from '../../core/spi.ts';
import { Slots } from '../filesink/slots.ts';
import type { Gathered, PartMemory } from './part-memory.ts';

/** Few, because Node has four threads for all files and for looking up names. */
const DISK_CALLS_MAX = 2;
/** Parts that wait for memory to come back to: the others leave memory to what is being written. */
const LOADS_MAX = 4;

/** What a spool asks of a disk. Errors are those of Node: `code` tells them apart. */
export interface SpoolDisk {
  /** With all directories above it; nothing when it exists. */
  makeDirectory(path: string): Promise<void>;
  /** A new file that has lost its name already: it ends with this process, and nobody else can open it. */
  createNameless(path: string): Promise<SpoolFile>;
}

export interface SpoolFile {
  /** Writes what fits and returns how many bytes that were. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Fills `into` as far as it goes and returns how many bytes that were. */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface SpoolOptions {
  /** Absolute. */
  readonly directory: string;
  readonly disk: SpoolDisk;
  readonly ids: Env['ids'];
}

/** A place on disk for parts that are neither full nor finished. Nothing of it is durable, nor has to be: a run that dies reads again. */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #calls = new Slots(DISK_CALLS_MAX);
  readonly #loads = new Slots(LOADS_MAX);

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Makes the directory and tries a file there, before anything depends on it. */
  async check(): Promise<void> {
    const { directory, disk } = this.#options;
    const path = this.#newPath();
    try {
      await disk.makeDirectory(directory);
      const file = await disk.createNameless(path);
      await file.close();
    } catch (cause) {
      throw spoolError(cause, { doing: 'make a file in', path: directory });
    }
  }

  /** A part that begins to be parked. */
  park(memory: PartMemory): ParkedPart {
    const { disk } = this.#options;
    return new ParkedPart({ path: this.#newPath(), disk, memory, calls: this.#calls, loads: this.#loads });
  }

  #newPath(): string {
    return join(this.#options.directory, `sluice-${this.#options.ids.hex(16)}`);
  }
}

interface ParkedPartOptions {
  readonly path: string;
  readonly disk: SpoolDisk;
  readonly memory: PartMemory;
  readonly calls: Slots;
  readonly loads: Slots;
}

/** The beginning of one part, on disk in one file until the whole part is sent. */
export class ParkedPart {
  readonly #options: ParkedPartOptions;
  readonly #writes: Promise<void>[] = [];
  #file: Promise<SpoolFile> | undefined;
  #bytes = 0;

  constructor(options: ParkedPartOptions) {
    this.#options = options;
  }

  /** Appends, and frees the memory as soon as it is on disk. A failure comes out of `load`, too. */
  add(gathered: Gathered): Promise<void> {
    const position = this.#bytes;
    this.#bytes += gathered.used;
    const written = this.#write(gathered, position);
    this.#writes.push(written);
    return written;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Fills `into` with what was added from there on. */
  async copyTo(into: Buffer, position: number): Promise<void> {
    await Promise.all(this.#writes);
    await this.#transfer('read back from', into, (file, rest, at) => file.read(rest, at), position);
  }

  /** All bytes in one buffer on its way, once memory has room for them. The file is gone afterwards. */
  async load(signal: AbortSignal): Promise<Gathered> {
    const { loads, memory } = this.#options;
    try {
      await Promise.all(this.#writes);
      return await loads.run(async () => {
        const buffer = await memory.load(this.#bytes, signal);
        try {
          await this.#transfer('read back from', buffer, (file, rest, position) => file.read(rest, position), 0);
          return { buffer, used: buffer.length };
        } catch (error) {
          memory.sent(buffer, { reuse: true });
          throw error;
        }
      });
    } finally {
      await this.close();
    }
  }

  /** Gives up what is still there. Twice is the same as once. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#writes);
    const pending = this.#file;
    this.#file = undefined;
    try {
      await (await pending)?.close();
    } catch {
      // It could not be created, which `add` has said; or closing failed, and nobody needs what it holds.
    }
  }

  async #write({ buffer, used }: Gathered, position: number): Promise<void> {
    try {
      const write = (file: SpoolFile, rest: Uint8Array, at: number) => file.write(rest, at);
      await this.#transfer('park bytes in', buffer.subarray(0, used), write, position);
    } finally {
      // Whatever became of it: the call is over, so nobody reads this memory any more.
      this.#options.memory.sent(buffer, { reuse: true });
    }
  }

  /** Moves all of `bytes`, however short the counts are that come back. */
  async #transfer(
    doing: string,
    bytes: Uint8Array,
    call: (file: SpoolFile, rest: Uint8Array, position: number) => Promise<number>,
    position: number,
  ): Promise<void> {
    const { path, disk, calls } = this.#options;
    try {
      await calls.run(async () => {
        this.#file ??= disk.createNameless(path);
        const file = await this.#file;
        for (let done = 0; done < bytes.length; ) {
          const moved = await call(file, bytes.subarray(done), position + done);
          if (moved === 0) throw Object.assign(new Error('the file took or gave no bytes'), { code: 'EIO' });
          done += moved;
        }
      });
    } catch (cause) {
      throw spoolError(cause, { doing, path });
    }
  }
}

const MENDED_BY_USER = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG'];
const FULL = ['ENOSPC', 'EDQUOT'];

function spoolError(cause: unknown, { doing, path }: { doing: string; path: string }): SluiceError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  const { kind, code, help } = meaningOf(errno);
  const message = `sink.spool: could not ${doing} ${path}: ${errno ?? String(cause)}`;
  return new SluiceError(kind, code, { message, help, details: { path, errno }, cause });
}

function meaningOf(errno = ''): { kind: ErrorKind; code: string; help: string } {
  if (MENDED_BY_USER.includes(errno)) {
    const help = 'Name a directory on a local disk that this process may write to; it is made when it does not exist.';
    return { kind: 'config', code: 'S3_SPOOL_UNUSABLE', help };
  }
  const help = FULL.includes(errno)
    ? 'Free space on this device, or name a directory on a larger one: it needs up to twice partBytes for every open directory.'
    : 'Look after the device and the limits of this process, or name a directory on another disk.';
  const code = FULL.includes(errno) ? 'S3_SPOOL_FULL' : 'S3_SPOOL_FAILED';
  return { kind: 'unavailable', code, help: `${help} Nothing is lost: the run goes on from its last checkpoint.` };
}
