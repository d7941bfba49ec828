import { HdfsRefusal } from './errors.ts';

interface Common {
  readonly id: number;
  name: string;
  /** Undefined for the root, and for what has been deleted. */
  parent: DirectoryNode | undefined;
  owner: string;
  group: string;
  /** With the sticky bit. */
  mode: number;
  modifiedMs: number;
  accessedMs: number;
}

export interface DirectoryNode extends Common {
  readonly kind: 'directory';
  readonly children: Map<string, Inode>;
  /** How many names may be in it, itself among them. */
  nameQuota: number | undefined;
  /** How many bytes its files may have, each as often as it is replicated. */
  spaceQuota: number | undefined;
}

export interface FileNode extends Common {
  readonly kind: 'file';
  bytes: Buffer;
  readonly replication: number;
  readonly blockBytes: number;
  lease: Lease | undefined;
}

/** Whoever writes a file: there, or gone without having closed it. */
export interface Lease {
  readonly holder: string;
  /** What a look at the file shows until it is closed. */
  shownBytes: number;
  /** When it stopped being renewed. */
  goneSinceMs: number | undefined;
  /** When the NameNode will have closed the file for the one who is gone. */
  recoveredAtMs: number | undefined;
}

export type Inode = DirectoryNode | FileNode;

/** Where a path leads. */
export interface Place {
  readonly path: string;
  /** From the root, as far as there is something. */
  readonly existing: readonly Inode[];
  /** What is missing, from the first name on. */
  readonly missing: readonly string[];
  /** Only when nothing is missing. */
  readonly node: Inode | undefined;
}

const NAME_BYTES_MAX = 255;

/** The names of everything, without permissions and without time of its own. */
export class Tree {
  readonly root: DirectoryNode;
  /** Files whose writers are gone without having closed them. */
  readonly leftOpen = new Set<FileNode>();
  #ids = 16_384;

  constructor(superuser: string) {
    this.root = this.#directory('', { owner: superuser, group: 'supergroup', mode: 0o755, nowMs: 0 });
  }

  find(path: string): Place {
    const names = path.split('/').filter((name) => name !== '');
    const existing: Inode[] = [this.root];
    for (const [index, name] of names.entries()) {
      const last = existing.at(-1) as Inode;
      const next = last.kind === 'directory' ? last.children.get(name) : undefined;
      if (next === undefined) return { path, existing, missing: names.slice(index), node: undefined };
      existing.push(next);
    }
    return { path, existing, missing: [], node: existing.at(-1) };
  }

  /** Makes the directories that a place misses, and returns the last. */
  addDirectories(place: Place, names: readonly string[], owner: string, mode: number, nowMs: number): DirectoryNode {
    let last = requireDirectory(place.existing.at(-1) as Inode);
    for (const name of names) {
      const made = this.#directory(name, { owner, group: last.group, mode, nowMs });
      this.put(last, made, nowMs);
      last = made;
    }
    return last;
  }

  addFile(
    parent: DirectoryNode,
    name: string,
    owner: string,
    mode: number,
    kept: { replication: number; blockBytes: number; lease: Lease },
    nowMs: number,
  ): FileNode {
    const file: FileNode = {
      ...{ kind: 'file', id: ++this.#ids, name, parent: undefined, bytes: Buffer.alloc(0) },
      ...{ owner, group: parent.group, mode, modifiedMs: nowMs, accessedMs: nowMs },
      ...kept,
    };
    this.put(parent, file, nowMs);
    return file;
  }

  put(parent: DirectoryNode, node: Inode, nowMs: number): void {
    parent.children.set(node.name, node);
    node.parent = parent;
    parent.modifiedMs = nowMs;
  }

  take(node: Inode, nowMs: number): void {
    const { parent } = node;
    if (parent === undefined) return;
    parent.children.delete(node.name);
    parent.modifiedMs = nowMs;
    node.parent = undefined;
  }

  #directory(name: string, by: { owner: string; group: string; mode: number; nowMs: number }): DirectoryNode {
    return {
      ...{ kind: 'directory', id: ++this.#ids, name, parent: undefined, children: new Map() },
      ...{ owner: by.owner, group: by.group, mode: by.mode, modifiedMs: by.nowMs, accessedMs: 0 },
      ...{ nameQuota: undefined, spaceQuota: undefined },
    };
  }
}

/** Whether the root leads there: what has been deleted, or was in something that has, is not. */
export function isAttached(node: Inode, root: DirectoryNode): boolean {
  let above: Inode | undefined = node;
  while (above !== undefined && above !== root) above = above.parent;
  return above === root;
}

export function pathOf(node: Inode): string {
  return node.parent === undefined ? '' : `${pathOf(node.parent)}/${node.name}`;
}

export function requireDirectory(node: Inode): DirectoryNode {
  if (node.kind === 'directory') return node;
  throw new HdfsRefusal('ParentNotDirectoryException', `${pathOf(node)} (is not a directory)`);
}

/** Everything below a node, and itself. */
export function* below(node: Inode): Generator<Inode> {
  yield node;
  if (node.kind === 'directory') for (const child of node.children.values()) yield* below(child);
}

/** Children as HDFS orders them: by bytes with a sign, so that ASCII comes last. */
export function childrenOf(directory: DirectoryNode): Inode[] {
  return [...directory.children.values()].sort((a, b) => compareNames(a.name, b.name));
}

export function compareNames(a: string, b: string): number {
  const signed = (name: string) => new Int8Array(Buffer.from(name));
  const [left, right] = [signed(a), signed(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Refuses a path under which nothing may be made. */
export function requireValid(path: string): void {
  const names = path.split('/');
  if (!path.startsWith('/') || names.some((name) => name === '.' || name === '..' || name.includes(':')))
    throw new HdfsRefusal('InvalidPathException', `Invalid path name Invalid file name: ${path}`);
}

export function requireShortNames(names: readonly string[]): void {
  for (const name of names) {
    const bytes = Buffer.byteLength(name);
    if (bytes <= NAME_BYTES_MAX) continue;
    const what = `The maximum path component name limit of ${name} is exceeded: limit=${NAME_BYTES_MAX} length=${bytes}`;
    throw new HdfsRefusal('PathComponentTooLongException', what);
  }
}
