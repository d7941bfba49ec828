import { HdfsRefusal } from './errors.ts';
import type { HdfsResponse } from './http.ts';
import { NO_BODY } from './http.ts';
import type { Caller } from './permissions.ts';
import { type FileNode, type Inode, type Lease, type Place, pathOf, type Tree } from './tree.ts';

/** What a request is answered from. */
export interface Context {
  readonly tree: Tree;
  readonly caller: Caller;
  readonly via: 'nameNode' | 'gateway';
  readonly path: string;
  readonly params: URLSearchParams;
  readonly nowMs: number;
  /** How many names a page of a listing has. */
  readonly pageNames: number;
}

/** A writer that is gone keeps others out for so long. */
const SOFT_LIMIT_MS = 60_000;
/** After so long the NameNode closes the file by itself. */
const HARD_LIMIT_MS = 20 * 60_000;
/** How long it takes to agree on what the writer had sent. */
const RECOVERY_MS = 3_000;

export const saysBoolean = (value: boolean): { boolean: boolean } => ({ boolean: value });

export const empty = (status: number, headers: Record<string, string> = {}): HdfsResponse => ({
  status,
  headers: { 'content-length': '0', ...headers },
  body: NO_BODY,
});

export function requireThere({ tree, path }: Context, place: Place = tree.find(path)): Inode {
  if (place.node !== undefined) return place.node;
  throw new HdfsRefusal('FileNotFoundException', `File does not exist: ${place.path}`);
}

/** Refuses a file that somebody else writes, or has begun to write and never closed. */
export function requireUnwritten({ via, nowMs }: Context, file: FileNode, doing: string): void {
  const { lease } = file;
  if (lease === undefined) return;
  if (lease.goneSinceMs !== undefined && nowMs >= lease.goneSinceMs + SOFT_LIMIT_MS)
    lease.recoveredAtMs ??= nowMs + RECOVERY_MS;
  if (lease.recoveredAtMs !== undefined)
    throw new HdfsRefusal(
      'RecoveryInProgressException',
      `Failed to ${doing} ${pathOf(file)}: lease recovery is in progress.`,
    );
  const holder = `because this file lease is currently owned by ${lease.holder}`;
  const isSameGateway = via === 'gateway' && lease.holder === 'gateway';
  const exception = isSameGateway ? 'RemoteException' : 'AlreadyBeingCreatedException';
  throw new HdfsRefusal(exception, `Failed to ${doing} ${pathOf(file)} ${holder}`);
}

/** Whoever writes the file is gone, and leaves it open. */
export function leaveOpen(tree: Tree, file: FileNode, lease: Lease, nowMs: number): void {
  lease.goneSinceMs = nowMs;
  tree.leftOpen.add(file);
}

/** Closes a file that was left open when that was long enough ago. */
export function settleLease(tree: Tree, file: FileNode, nowMs: number): void {
  const { lease } = file;
  const recoveredAtMs = lease?.recoveredAtMs ?? Number.POSITIVE_INFINITY;
  const isOver =
    lease?.goneSinceMs === undefined || nowMs >= Math.min(recoveredAtMs, lease.goneSinceMs + HARD_LIMIT_MS);
  if (!isOver) return;
  tree.leftOpen.delete(file);
  file.lease = undefined;
}
