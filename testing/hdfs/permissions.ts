import { HdfsRefusal } from './errors.ts';
import { below, type DirectoryNode, type Inode, type Place, pathOf } from './tree.ts';

export type Access = 'read' | 'write' | 'enter';

const BITS: Readonly<Record<Access, number>> = { read: 4, write: 2, enter: 1 };
const STICKY = 0o1000;

/** Who asks. Under simple authentication a name is all there is, and nobody is in a group. */
export interface Caller {
  readonly user: string;
  readonly isSuperuser: boolean;
}

export function requireAccess({ user, isSuperuser }: Caller, node: Inode, ...wanted: Access[]): void {
  if (isSuperuser) return;
  const bits = wanted.reduce((sum, access) => sum | BITS[access], 0);
  const granted = node.owner === user ? node.mode >> 6 : node.mode;
  if ((granted & bits) === bits) return;
  const what = wanted.map((access) => (access === 'enter' ? 'EXECUTE' : access.toUpperCase())).join('_');
  const inode = `"${pathOf(node) || '/'}":${node.owner}:${node.group}:${modeText(node)}`;
  throw new HdfsRefusal('AccessControlException', `Permission denied: user=${user}, access=${what}, inode=${inode}`);
}

/** Entering every directory on the way to a place. */
export function requireWay(caller: Caller, { existing, missing, path }: Place): void {
  if (caller.isSuperuser) return;
  const passed = missing.length === 0 ? existing.slice(0, -1) : existing;
  for (const node of passed) {
    if (node.kind === 'file')
      throw new HdfsRefusal('AccessControlException', `${pathOf(node)} (is not a directory), on the way to ${path}`);
    requireAccess(caller, node, 'enter');
  }
}

/** Making something at a place needs the directory that is there already. */
export function requireMaking(caller: Caller, place: Place): void {
  requireWay(caller, place);
  const nearest = place.missing.length === 0 ? place.existing.at(-2) : place.existing.at(-1);
  if (nearest !== undefined) requireAccess(caller, nearest, 'write');
}

/** Taking a name away needs its directory, and, where that is sticky, to own the one or the other. */
export function requireTaking(caller: Caller, node: Inode): void {
  const { parent } = node;
  if (parent === undefined || caller.isSuperuser) return;
  requireAccess(caller, parent, 'write');
  if ((parent.mode & STICKY) === 0 || [parent.owner, node.owner].includes(caller.user)) return;
  const what = `path="${pathOf(node)}":${node.owner}:${node.group}:${modeText(node)}`;
  throw new HdfsRefusal('AccessControlException', `Permission denied by sticky bit: user=${caller.user}, ${what}`);
}

/** Deleting a directory needs every one that has something in it. */
export function requireEmptying(caller: Caller, directory: DirectoryNode): void {
  for (const node of below(directory))
    if (node.kind === 'directory' && node.children.size > 0) requireAccess(caller, node, 'read', 'write', 'enter');
}

export function requireOwner({ user, isSuperuser }: Caller, node: Inode): void {
  if (isSuperuser || node.owner === user) return;
  throw new HdfsRefusal(
    'AccessControlException',
    `Permission denied. user=${user} is not the owner of inode=${pathOf(node)}`,
  );
}

export function requireSuperuser({ user, isSuperuser }: Caller): void {
  if (isSuperuser) return;
  throw new HdfsRefusal('AccessControlException', `Access denied for user ${user}. Superuser privilege is required`);
}

function modeText({ kind, mode }: Inode): string {
  const letters = [...'rwxrwxrwx'].map((letter, i) => ((mode >> (8 - i)) & 1 ? letter : '-')).join('');
  return `${kind === 'directory' ? 'd' : '-'}${mode & STICKY ? `${letters.slice(0, 8)}t` : letters}`;
}
