import { basename, dirname } from 'node:path';

export interface FileNode {
  readonly kind: 'file';
  bytes: Buffer;
  /** What a power loss leaves at least. */
  durable: Buffer;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly entries: Map<string, DiskNode>;
  /** The entries that a power loss leaves, before the changes that the disk still counts. */
  readonly durable: Map<string, DiskNode>;
  isWritable: boolean;
}

export type DiskNode = FileNode | DirectoryNode;

export interface NameEdit {
  readonly directory: DirectoryNode;
  readonly name: string;
  /** Undefined = removed. */
  readonly node: DiskNode | undefined;
}

/** What one call did to directories: all of it survives a power loss or nothing, surely once each directory was synced after it. */
interface NameChange {
  readonly edits: readonly NameEdit[];
  readonly unsynced: Set<DirectoryNode>;
}

export interface MemoryDiskOptions {
  /** Bytes of all files together. */
  readonly capacityBytes?: number;
  /** Paths where another device begins. */
  readonly mounts?: readonly string[];
}

/** An error as the operating system would give it. */
export function fileSystemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** A disk that forgets what nobody synced: file bytes and names apart, as POSIX allows. Paths are absolute. */
export class MemoryDisk {
  readonly #options: MemoryDiskOptions;
  readonly #root: DirectoryNode;
  /** In order; those at the front that are durable have become part of the directories' `durable` entries. */
  readonly #changes: NameChange[] = [];
  #capacityBytes: number | undefined;

  constructor(options: MemoryDiskOptions = {}, root: DirectoryNode = newDirectory()) {
    this.#options = options;
    this.#capacityBytes = options.capacityBytes;
    this.#root = root;
  }

  /** From now on; undefined = without limit. */
  limit(capacityBytes: number | undefined): void {
    this.#capacityBytes = capacityBytes;
  }

  /**
   * The disk as it is found after a power loss. Without `random` nothing survives that was not synced; with it (uniform in
   * [0, 1)) each unsynced change does or does not, and unsynced bytes come back in part.
   */
  powerLoss(random?: () => number): MemoryDisk {
    const copies = new Map<DiskNode, DiskNode>();
    const copyOf = (node: DiskNode): DiskNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      if (node.kind === 'file') {
        const bytes = survivingBytes(node, random);
        const file: FileNode = { kind: 'file', bytes, durable: bytes };
        copies.set(node, file);
        return file;
      }
      const entries = new Map<string, DiskNode>();
      const directory = { kind: 'directory', entries, durable: new Map(), isWritable: node.isWritable } as const;
      copies.set(node, directory);
      for (const [name, child] of node.durable) entries.set(name, copyOf(child));
      return directory;
    };
    const root = copyOf(this.#root) as DirectoryNode;
    for (const { edits, unsynced } of this.#changes) {
      if (unsynced.size > 0 && (random === undefined || random() < 0.5)) continue;
      for (const { directory, name, node } of edits) {
        const { entries } = copyOf(directory) as DirectoryNode;
        if (node === undefined) entries.delete(name);
        else entries.set(name, copyOf(node));
      }
    }
    return new MemoryDisk(this.#options, switchedOn(root));
  }

  /** Every file below `path`, by path relative to it. */
  filesBelow(path: string): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    const visit = (directory: DirectoryNode, prefix: string) => {
      for (const [name, node] of directory.entries) {
        if (node.kind === 'file') found.set(prefix + name, node.bytes);
        else visit(node, `${prefix}${name}/`);
      }
    };
    const start = this.find(path);
    if (start?.kind === 'directory') visit(start, '');
    return found;
  }

  /** Somebody beside the pipeline removes a file, and makes everything that was done to names before that durable. */
  remove(path: string): void {
    const directory = this.requireDirectory(dirname(path));
    this.change([{ directory, name: basename(path), node: undefined }]);
    for (const { unsynced } of this.#changes) unsynced.clear();
    this.syncNames(directory);
  }

  /** Somebody beside the pipeline damages a file: half of it is left. */
  cutOff(path: string): void {
    const node = this.require(path);
    if (node.kind !== 'file') throw fileSystemError('EISDIR', path);
    node.bytes = node.bytes.subarray(0, node.bytes.length >> 1);
    node.durable = node.bytes;
  }

  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.#root;
    for (const name of path.split('/').filter((segment) => segment !== '')) {
      if (node?.kind !== 'directory') return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  /** What is there, or the error of a path that leads nowhere. */
  require(path: string): DiskNode {
    const node = this.find(path);
    if (node !== undefined) return node;
    const isThroughFile = path !== '/' && this.find(dirname(path))?.kind === 'file';
    if (!isThroughFile && path !== '/') this.require(dirname(path));
    throw fileSystemError(isThroughFile ? 'ENOTDIR' : 'ENOENT', path);
  }

  requireDirectory(path: string): DirectoryNode {
    const node = this.require(path);
    if (node.kind !== 'directory') throw fileSystemError('ENOTDIR', path);
    return node;
  }

  /** Where a new or changed name goes; refuses what permissions refuse. */
  requireWritableParent(path: string): DirectoryNode {
    const parent = this.requireDirectory(dirname(path));
    if (!parent.isWritable) throw fileSystemError('EACCES', path);
    return parent;
  }

  change(edits: readonly NameEdit[]): void {
    for (const { directory, name, node } of edits) {
      if (node === undefined) directory.entries.delete(name);
      else directory.entries.set(name, node);
    }
    this.#changes.push({ edits, unsynced: new Set(edits.map(({ directory }) => directory)) });
  }

  syncNames(directory: DirectoryNode): void {
    for (const { unsynced } of this.#changes) unsynced.delete(directory);
    const firstUnsynced = this.#changes.findIndex(({ unsynced }) => unsynced.size > 0);
    const durable = this.#changes.splice(0, firstUnsynced === -1 ? this.#changes.length : firstUnsynced);
    for (const { edits } of durable) {
      for (const { directory: changed, name, node } of edits) {
        if (node === undefined) changed.durable.delete(name);
        else changed.durable.set(name, node);
      }
    }
  }

  device(path: string): number {
    const mounts = this.#options.mounts ?? [];
    return 1 + mounts.findLastIndex((mount) => path === mount || path.startsWith(`${mount}/`)) + 1;
  }

  freeBytes(): number {
    const capacityBytes = this.#capacityBytes;
    return capacityBytes === undefined ? Number.MAX_SAFE_INTEGER : Math.max(0, capacityBytes - this.usedBytes());
  }

  usedBytes(): number {
    let used = 0;
    for (const bytes of this.filesBelow('/').values()) used += bytes.length;
    return used;
  }
}

export function newDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), isWritable: true };
}

function switchedOn(directory: DirectoryNode): DirectoryNode {
  const entries = new Map<string, DiskNode>();
  for (const [name, node] of directory.entries) entries.set(name, node.kind === 'directory' ? switchedOn(node) : node);
  return { ...directory, entries, durable: new Map(entries) };
}

function survivingBytes(file: FileNode, random: (() => number) | undefined): Buffer {
  if (random === undefined || random() < 0.3) return Buffer.from(file.durable);
  if (random() < 0.5) return Buffer.from(file.bytes);
  const extra = Math.max(0, file.bytes.length - file.durable.length);
  return Buffer.from(file.bytes.subarray(0, file.durable.length + Math.floor(random() * extra)));
}
