import { dirname } from 'node:path';
import { SluiceError } from '../../core/spi.ts';
import { isErrorCode, toFileError, withFileErrors } from './errors.ts';
import type { FileSystem } from './file-system.ts';

/** Directories that survive a power loss, made once each and synced together when several callers ask. */
export class Directories {
  readonly #fs: FileSystem;
  readonly #ensured = new Map<string, Promise<void>>();
  readonly #syncs = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Makes the directory and its ancestors, with durable names. Remembers what it has seen: see `forget`. */
  ensure(path: string): Promise<void> {
    const known = this.#ensured.get(path);
    if (known !== undefined) return known;
    const making = this.#make(path);
    this.#ensured.set(path, making);
    making.catch(() => this.#ensured.delete(path));
    return making;
  }

  /** Somebody removed a directory while we ran: look again the next time. */
  forget(): void {
    this.#ensured.clear();
  }

  /**
   * Makes the names in a directory durable. Callers that come while a sync runs share the next one, because only a sync
   * that begins after a change covers it. Errors are those of the file system.
   */
  sync(path: string): Promise<void> {
    const current = this.#syncs.get(path);
    if (current === undefined) return this.#startSync(path);
    current.next ??= current.running.then(
      () => this.#startSync(path),
      (error) => {
        // A sync that failed may have dropped names of those who wait, too, and the next one would not report it.
        this.#syncs.delete(path);
        throw error;
      },
    );
    return current.next;
  }

  #startSync(path: string): Promise<void> {
    const running = this.#fs.syncDirectory(path).finally(() => {
      if (this.#syncs.get(path)?.next === undefined) this.#syncs.delete(path);
    });
    this.#syncs.set(path, { running, next: undefined });
    return running;
  }

  async #make(path: string): Promise<void> {
    const parent = dirname(path);
    const status = await withFileErrors({ doing: 'look at', path }, () => this.#fs.stat(path));
    if (status !== undefined && status.kind !== 'directory') throw notADirectory(path);
    if (parent === path) return;
    if (status === undefined) {
      await this.ensure(parent);
      await this.#mkdir(path);
    }
    // An existing directory may be the work of a process that died before this sync. Its ancestors need none: whoever
    // made it had synced them before.
    try {
      await this.sync(parent);
    } catch (error) {
      // Without permission to look into the parent we cannot have been the ones who made this directory.
      if (status !== undefined && isErrorCode(error, 'EACCES', 'EPERM', 'EROFS')) return;
      throw toFileError(error, { doing: 'make durable', path: parent });
    }
  }

  async #mkdir(path: string): Promise<void> {
    try {
      await this.#fs.mkdir(path);
    } catch (error) {
      if (!isErrorCode(error, 'EEXIST')) throw toFileError(error, { doing: 'make the directory', path });
      const status = await withFileErrors({ doing: 'look at', path }, () => this.#fs.stat(path));
      if (status?.kind !== 'directory') throw notADirectory(path);
    }
  }
}

function notADirectory(path: string): SluiceError {
  return new SluiceError('config', 'FILE_NOT_A_DIRECTORY', {
    message: `${path} has to be a directory, but something else is there`,
    help: 'Move it away, or choose another path.',
    details: { path },
  });
}
