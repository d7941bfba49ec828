import { basename, dirname } from 'node:path';
import type { DirectoryEntry, FileSystem, OpenFile, Status } from '../connectors/file/file-system.ts';
import { type FileNode, fileSystemError, type MemoryDisk, newDirectory } from './memory-disk.ts';

export interface FileSystemCall {
  readonly verb: keyof FileSystem | keyof OpenFile;
  readonly path: string;
}

/** Each may wait, and may throw, best a `fileSystemError`: `before` = no effect, `after` = it happened and the answer is lost. */
export interface FileSystemHooks {
  before?(call: FileSystemCall): void | Promise<void>;
  after?(call: FileSystemCall): void | Promise<void>;
}

/** One process's view of a `MemoryDisk`. */
export class MemoryFileSystem implements FileSystem {
  readonly #disk: MemoryDisk;
  readonly #hooks: FileSystemHooks;

  constructor(disk: MemoryDisk, hooks: FileSystemHooks = {}) {
    this.#disk = disk;
    this.#hooks = hooks;
  }

  create(path: string): Promise<OpenFile> {
    return this.#call('create', path, () => {
      const directory = this.#disk.requireWritableParent(path);
      if (directory.entries.has(basename(path))) throw fileSystemError('EEXIST', path);
      const node: FileNode = { kind: 'file', bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.#disk.change([{ directory, name: basename(path), node }]);
      return this.#openFile(path, node);
    });
  }

  read(path: string): Promise<Uint8Array> {
    return this.#call('read', path, () => Buffer.from(this.#requireFile(path).bytes));
  }

  readRange(path: string, { from, bytes }: { from: number; bytes: number }): Promise<Uint8Array> {
    return this.#call('readRange', path, () => Buffer.from(this.#requireFile(path).bytes.subarray(from, from + bytes)));
  }

  mkdir(path: string): Promise<void> {
    return this.#call('mkdir', path, () => {
      if (this.#disk.find(path) !== undefined) throw fileSystemError('EEXIST', path);
      const directory = this.#disk.requireWritableParent(path);
      this.#disk.change([{ directory, name: basename(path), node: newDirectory() }]);
    });
  }

  readdir(path: string): Promise<DirectoryEntry[]> {
    return this.#call('readdir', path, () =>
      [...this.#disk.requireDirectory(path).entries].map(([name, { kind }]) => ({ name, kind })),
    );
  }

  stat(path: string): Promise<Status | undefined> {
    return this.#call('stat', path, () => this.#status(path));
  }

  lstat(path: string): Promise<Status | undefined> {
    return this.#call('lstat', path, () => this.#status(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', from, () => {
      // Linux looks at both directories before it looks for the file.
      this.#disk.requireDirectory(dirname(from));
      this.#disk.requireDirectory(dirname(to));
      const node = this.#requireFile(from);
      const [source, target] = [this.#disk.requireWritableParent(from), this.#disk.requireWritableParent(to)];
      this.#requireSameDevice(from, to);
      const replaced = target.entries.get(basename(to));
      if (replaced === node) return;
      if (replaced?.kind === 'directory') throw fileSystemError(from.startsWith(`${to}/`) ? 'ENOTEMPTY' : 'EISDIR', to);
      this.#disk.change([
        { directory: source, name: basename(from), node: undefined },
        { directory: target, name: basename(to), node },
      ]);
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#call('link', to, () => {
      const node = this.#requireFile(from);
      const directory = this.#disk.requireWritableParent(to);
      if (directory.entries.has(basename(to))) throw fileSystemError('EEXIST', to);
      this.#requireSameDevice(from, to);
      this.#disk.change([{ directory, name: basename(to), node }]);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#call('unlink', path, () => {
      this.#requireFile(path);
      const directory = this.#disk.requireWritableParent(path);
      this.#disk.change([{ directory, name: basename(path), node: undefined }]);
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call('syncDirectory', path, () => this.#disk.syncNames(this.#disk.requireDirectory(path)));
  }

  requireWritable(path: string): Promise<void> {
    return this.#call('requireWritable', path, () => {
      if (!this.#disk.requireDirectory(path).isWritable) throw fileSystemError('EACCES', path);
    });
  }

  #openFile(path: string, node: FileNode): OpenFile {
    return {
      write: (chunks) =>
        this.#call('write', path, () => {
          const bytes = Buffer.concat(chunks);
          const room = this.#disk.freeBytes();
          if (bytes.length > 0 && room === 0) throw fileSystemError('ENOSPC', path);
          const taken = bytes.subarray(0, room);
          node.bytes = Buffer.concat([node.bytes, taken]);
          return taken.length;
        }),
      sync: () =>
        this.#call('sync', path, () => {
          node.durable = node.bytes;
        }),
      close: () => this.#call('close', path, () => {}),
    };
  }

  #status(path: string): Status | undefined {
    const node = this.#disk.find(path);
    if (node === undefined) return undefined;
    const bytes = node.kind === 'file' ? node.bytes.length : 0;
    return { kind: node.kind, bytes, device: this.#disk.device(path) };
  }

  #requireFile(path: string): FileNode {
    const node = this.#disk.require(path);
    if (node.kind !== 'file') throw fileSystemError('EISDIR', path);
    return node;
  }

  #requireSameDevice(from: string, to: string): void {
    if (this.#disk.device(from) !== this.#disk.device(to)) throw fileSystemError('EXDEV', to);
  }

  async #call<T>(verb: FileSystemCall['verb'], path: string, effect: () => T): Promise<T> {
    const call = { verb, path };
    await this.#hooks.before?.(call);
    const result = effect();
    await this.#hooks.after?.(call);
    return result;
  }
}
