import { type Context, empty, leaveOpen, requireThere, requireUnwritten, saysBoolean } from './context.ts';
import { HdfsRefusal } from './errors.ts';
import type { HdfsResponse } from './http.ts';
import { requireAccess, requireMaking, requireWay } from './permissions.ts';
import { requireNames, requireSpace } from './quotas.ts';
import {
  type FileNode,
  type Inode,
  isAttached,
  type Lease,
  pathOf,
  requireDirectory,
  requireShortNames,
  requireValid,
} from './tree.ts';

const BLOCK_BYTES = 128 * 1024 * 1024;

export type WriteOp = 'CREATE' | 'APPEND';

/** A file that somebody is writing. */
export interface Opened {
  readonly file: FileNode;
  readonly lease: Lease;
}

/** What a NameNode does when a DataNode has been asked to write a new file. */
export function create(context: Context, holder: string): Opened {
  const { tree, caller, path, params, via, nowMs } = context;
  requireValid(path);
  const place = tree.find(path);
  const isOverwriting =
    params.get('overwrite') === 'true' || (via === 'gateway' && params.get('overwrite') !== 'false');
  requireWay(caller, place);
  if (place.node?.kind === 'directory')
    throw new HdfsRefusal('FileAlreadyExistsException', `${path} already exists as a directory`);
  if (place.node === undefined) requireDirectory(place.existing.at(-1) as Inode);
  requireMaking(caller, place);
  if (place.node !== undefined) {
    if (isOverwriting) requireAccess(caller, place.node, 'write');
    else {
      requireUnwritten(context, place.node, 'CREATE_FILE');
      throw new HdfsRefusal('FileAlreadyExistsException', `${path} for client 127.0.0.1 already exists`);
    }
    tree.take(place.node, nowMs);
  }
  const free = tree.find(path);
  requireShortNames(free.missing);
  requireNames(requireDirectory(free.existing.at(-1) as Inode), free.missing.length);
  const parent = tree.addDirectories(free, free.missing.slice(0, -1), caller.user, 0o755, nowMs);
  const lease: Lease = { holder, shownBytes: 0, goneSinceMs: undefined, recoveredAtMs: undefined };
  const mode = Number.parseInt(params.get('permission') ?? (via === 'gateway' ? '755' : '644'), 8);
  const replication = Number(params.get('replication') ?? 1);
  const blockBytes = Number(params.get('blocksize') ?? BLOCK_BYTES);
  const name = free.missing.at(-1) as string;
  const file = tree.addFile(parent, name, caller.user, mode, { replication, blockBytes, lease }, nowMs);
  return { file, lease };
}

/** Likewise for a file that is to be longer. */
export function append(context: Context, holder: string): Opened {
  const file = requireFile(context);
  requireAccess(context.caller, file, 'write');
  requireUnwritten(context, file, 'APPEND_FILE');
  const lease: Lease = { holder, shownBytes: file.bytes.length, goneSinceMs: undefined, recoveredAtMs: undefined };
  file.lease = lease;
  return { file, lease };
}

/** What a file with more bytes needs: space for whole blocks. */
export function grow({ file, lease }: Opened, bytes: Uint8Array): void {
  const length = file.bytes.length + bytes.length;
  const wholeBlocks = (count: number, round: (blocks: number) => number) =>
    round(count / file.blockBytes) * file.blockBytes;
  const more = wholeBlocks(length, Math.ceil) - wholeBlocks(file.bytes.length, Math.ceil);
  if (file.parent !== undefined && more > 0) requireSpace(file.parent, more * file.replication);
  file.bytes = Buffer.concat([file.bytes, bytes]);
  lease.shownBytes = Math.max(lease.shownBytes, wholeBlocks(length, Math.floor));
}

/** Whether the writer still is the one. */
export function holds({ tree }: Pick<Context, 'tree'>, { file, lease }: Opened): boolean {
  return file.lease === lease && isAttached(file, tree.root);
}

export function close(context: Pick<Context, 'tree' | 'nowMs'>, opened: Opened): void {
  const { file, lease } = opened;
  if (!holds(context, opened)) {
    const what = `File does not exist: ${pathOf(file)} (inode ${file.id})`;
    throw new HdfsRefusal('FileNotFoundException', `${what} Holder ${lease.holder} does not have any open files.`);
  }
  file.lease = undefined;
  file.modifiedMs = context.nowMs;
}

/** The first step of reading: refuses what cannot be read. */
export function requireReadable(context: Context): void {
  const { caller, params, path, tree } = context;
  requireWay(caller, tree.find(path));
  const node = requireThere(context);
  if (node.kind === 'directory') return; // found out in the second step only
  requireAccess(caller, node, 'read');
  const offset = Number(params.get('offset') ?? 0);
  const length = lengthOf(node);
  if (offset < 0 || (offset >= length && length > 0))
    throw new HdfsRefusal('IOException', `Offset=${offset} out of the range [0, ${length}); OPEN, path=${path}`);
}

export function read(context: Context): HdfsResponse {
  const { caller, params } = context;
  const file = requireFile(context);
  requireAccess(caller, file, 'read');
  const offset = Number(params.get('offset') ?? 0);
  const length = params.get('length');
  const end = length === null ? file.bytes.length : offset + Number(length);
  const body = file.bytes.subarray(offset, end);
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(body.length) };
  return { status: 200, headers, body };
}

/** What a look at a file shows. */
export function lengthOf({ bytes, lease }: FileNode): number {
  return lease === undefined ? bytes.length : lease.shownBytes;
}

export function truncate(context: Context): object {
  const { tree, params, nowMs } = context;
  const file = requireFile(context);
  requireAccess(context.caller, file, 'write');
  requireUnwritten(context, file, 'TRUNCATE_FILE');
  const length = Number(params.get('newlength'));
  const { length: before } = file.bytes;
  if (length > before) {
    const what = `Cannot truncate to a larger file size. Current size: ${before}, truncate size: ${length}.`;
    throw new HdfsRefusal('HadoopIllegalArgumentException', what);
  }
  file.bytes = file.bytes.subarray(0, length);
  const isWhole = length === before || length % file.blockBytes === 0;
  // The DataNodes have to agree first, and the length is the old one until then.
  if (!isWhole) {
    const lease: Lease = {
      holder: 'HDFS_NameNode',
      shownBytes: before,
      goneSinceMs: nowMs,
      recoveredAtMs: nowMs + 1_000,
    };
    file.lease = lease;
    leaveOpen(tree, file, lease, nowMs);
  }
  return saysBoolean(isWhole);
}

function requireFile(context: Context): FileNode {
  requireWay(context.caller, context.tree.find(context.path));
  const node = requireThere(context);
  if (node.kind === 'file') return node;
  throw new HdfsRefusal('FileNotFoundException', `Path is not a file: ${context.path}`);
}

/** What a DataNode says when a file is written, and what a gateway does. */
export function written(context: Context, op: WriteOp, where: string): HdfsResponse {
  if (op === 'APPEND') return empty(200);
  if (context.via === 'nameNode') {
    // Not encoded, and whatever a header cannot hold is lost.
    const location = `hdfs://${where}${context.path}`.replaceAll(/[^\t\x20-\xff]/g, '?');
    return empty(201, { location });
  }
  const body = Buffer.from(JSON.stringify({ Location: where }));
  const headers = { 'content-type': 'application/json', location: where, 'content-length': String(body.length) };
  return { status: 201, headers, body };
}
