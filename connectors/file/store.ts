import { dirname, join } from 'node:path';
import {
  assert,
  type CallOptions,
  type DiagnosisContext,
  type Finding,
  SluiceError,
  type Store,
} from '../../core/spi.ts';
import { keysOfTree } from '../filesink/key-tree.ts';
import type { ReadDevice } from './device.ts';
import { diagnoseDirectory } from './diagnosis.ts';
import { Directories } from './directories.ts';
import { isErrorCode, toFileError, withFileErrors } from './errors.ts';
import { type FileSystem, writeAll } from './file-system.ts';

/** Where objects are written before they have their name. No key begins with a dot, so no listing shows it. */
const TEMPORARY = '.tmp';
const SEGMENT = /^[a-z0-9_-][a-z0-9._-]*$/;

export interface FileStoreOptions {
  /** Absolute. */
  readonly root: string;
  readonly fs: FileSystem;
  /** Without it nothing is known of room. */
  readonly readDevice?: ReadDevice | undefined;
}

/** Slots as files: whole and durable from the moment they have their name, because `link` gives it at the very end. */
export class FileStore implements Store {
  readonly identity: string;
  readonly #root: string;
  readonly #fs: FileSystem;
  readonly #readDevice: ReadDevice | undefined;
  readonly #directories: Directories;
  #temporaryNext = 1;

  constructor({ root, fs, readDevice }: FileStoreOptions) {
    this.#root = root;
    this.#fs = fs;
    this.#readDevice = readDevice;
    this.#directories = new Directories(fs);
    this.identity = `file:${root}`;
  }

  async createIfAbsent(key: string, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<'created' | 'exists'> {
    signal?.throwIfAborted();
    const slot = this.#pathOf(key);
    try {
      return await this.#create(key, slot, bytes);
    } catch (error) {
      if (!isErrorCode(error, 'ENOENT')) throw toFileError(error, { doing: 'write', path: slot });
    }
    // Somebody removed the directory while we ran. The slot is still written: whoever lists it sees that the others are gone.
    this.#directories.forget();
    return withFileErrors({ doing: 'write', path: slot }, () => this.#create(key, slot, bytes));
  }

  async get(key: string, { signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    const path = this.#pathOf(key);
    try {
      return await this.#fs.read(path);
    } catch (error) {
      if (isErrorCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
      throw toFileError(error, { doing: 'read', path });
    }
  }

  async list(prefix: string, startAfter: string, { signal }: CallOptions = {}): Promise<string[]> {
    signal?.throwIfAborted();
    return await keysOfTree(prefix, startAfter, (directory) => this.#entries(directory));
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#pathOf(key);
    try {
      await this.#fs.unlink(path);
    } catch (error) {
      if (!isErrorCode(error, 'ENOENT', 'ENOTDIR')) throw toFileError(error, { doing: 'remove', path });
    }
  }

  diagnose(_context: DiagnosisContext): AsyncIterable<Finding> {
    const loss = 'the pipeline starts over and repeats every record';
    return diagnoseDirectory({ root: this.#root, fs: this.#fs, readDevice: this.#readDevice, loss });
  }

  /** Errors come as the file system gives them; the caller names them. */
  async #create(key: string, slot: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const directory = dirname(slot);
    // Looking first takes no space, so a run can start on a full disk whose slots are all there.
    const exists = (await this.#fs.lstat(slot)) !== undefined;
    const result = exists ? 'exists' : await this.#writeAndLink(key, slot, bytes);
    // Also when it exists: its writer may have died before this sync, and our caller will act on what it reads.
    await this.#directories.sync(directory);
    return result;
  }

  async #writeAndLink(key: string, slot: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    await this.#directories.ensure(join(this.#root, TEMPORARY));
    await this.#directories.ensure(dirname(slot));
    const temporary = await this.#writeTemporary(key, bytes);
    try {
      return await this.#linkIfAbsent(temporary, slot);
    } finally {
      await this.#removeTemporary(temporary);
    }
  }

  async #writeTemporary(key: string, bytes: Uint8Array): Promise<string> {
    const { path, file } = await this.#createTemporary(key);
    try {
      await writeAll(file, [bytes]);
      await file.sync();
    } catch (error) {
      // The failure above is the one to report; a file that cannot be closed is lost with the process.
      await file.close().catch(() => {});
      await this.#removeTemporary(path);
      throw error;
    }
    await file.close();
    return path;
  }

  /** Names are tried until one is free, so two processes need neither ids nor a clock to stay apart. */
  async #createTemporary(key: string) {
    for (;;) {
      const path = join(this.#root, TEMPORARY, `${key.replaceAll('/', ',')}.${this.#temporaryNext++}`);
      try {
        return { path, file: await this.#fs.create(path) };
      } catch (error) {
        if (!isErrorCode(error, 'EEXIST')) throw error;
      }
    }
  }

  async #linkIfAbsent(temporary: string, slot: string): Promise<'created' | 'exists'> {
    try {
      await this.#fs.link(temporary, slot);
      return 'created';
    } catch (error) {
      if (isErrorCode(error, 'EEXIST')) return 'exists';
      if (isErrorCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw noLinks(slot, error);
      throw error;
    }
  }

  async #removeTemporary(path: string): Promise<void> {
    // One left over is in no listing and never read again, so it costs a few bytes and nothing else.
    await this.#fs.unlink(path).catch(() => {});
  }

  async #entries(directory: string) {
    const path = join(this.#root, directory);
    try {
      return await this.#fs.readdir(path);
    } catch (error) {
      if (isErrorCode(error, 'ENOENT', 'ENOTDIR')) return [];
      throw toFileError(error, { doing: 'list', path });
    }
  }

  #pathOf(key: string): string {
    assert(
      key.split('/').every((segment) => SEGMENT.test(segment)),
      `${key} is a key of plain segments`,
    );
    return join(this.#root, key);
  }
}

function noLinks(path: string, cause: unknown): SluiceError {
  return new SluiceError('config', 'FILE_STORE_NO_LINKS', {
    message: `${path}: this file system cannot give a file a second name (hard link), which a checkpoint store needs`,
    help: 'Put checkpoints.store.path on a local or NFS file system, or use another type of store.',
    details: { path },
    cause,
  });
}
