import { type Context, requireThere } from './context.ts';
import { HdfsRefusal } from './errors.ts';
import { lengthOf } from './files.ts';
import { requireAccess, requireOwner, requireSuperuser, requireWay } from './permissions.ts';
import { spaceOf } from './quotas.ts';
import { below, childrenOf, compareNames, type Inode } from './tree.ts';

export function getFileStatus(context: Context): object {
  requireWay(context.caller, context.tree.find(context.path));
  return { FileStatus: statusOf(requireThere(context), '') };
}

export function listStatus(context: Context): object {
  return { FileStatuses: { FileStatus: listed(context) } };
}

/** One page. A gateway gives everything in the first, wherever it is asked to start. */
export function listStatusBatch(context: Context): object {
  const { params, via, pageNames } = context;
  const after = via === 'gateway' ? null : params.get('startAfter');
  const left = listed(context).filter(({ pathSuffix }) => after === null || compareNames(pathSuffix, after) > 0);
  const page = via === 'gateway' ? left : left.slice(0, pageNames);
  const partialListing = { FileStatuses: { FileStatus: page } };
  return { DirectoryListing: { partialListing, remainingEntries: left.length - page.length } };
}

function listed(context: Context): { pathSuffix: string }[] {
  const { caller, tree, path } = context;
  requireWay(caller, tree.find(path));
  const node = tree.find(path).node;
  if (node === undefined) throw new HdfsRefusal('FileNotFoundException', `File ${path} does not exist.`);
  if (node.kind === 'file') return [statusOf(node, '')];
  requireAccess(caller, node, 'read', 'enter');
  return childrenOf(node).map((child) => statusOf(child, child.name));
}

export function getContentSummary(context: Context): object {
  const { caller, tree, path } = context;
  requireWay(caller, tree.find(path));
  const node = requireThere(context);
  if (node.kind === 'directory') requireAccess(caller, node, 'read', 'enter');
  const all = [...below(node)];
  const files = all.filter((each) => each.kind === 'file');
  const quotas = node.kind === 'directory' ? [node.nameQuota, node.spaceQuota] : [];
  return {
    ContentSummary: {
      directoryCount: all.length - files.length,
      ecPolicy: '',
      fileCount: files.length,
      length: files.reduce((sum, file) => sum + file.bytes.length, 0),
      quota: quotas[0] ?? -1,
      spaceConsumed: spaceOf(node),
      spaceQuota: quotas[1] ?? -1,
      typeQuota: {},
    },
  };
}

export function checkAccess(context: Context): undefined {
  const { caller, params, tree, path } = context;
  requireWay(caller, tree.find(path));
  const node = requireThere(context);
  const [read, write, enter] = params.get('fsaction') ?? '---';
  if (read === 'r') requireAccess(caller, node, 'read');
  if (write === 'w') requireAccess(caller, node, 'write');
  if (enter === 'x') requireAccess(caller, node, 'enter');
  return undefined;
}

export function setPermission(context: Context): undefined {
  const node = required(context);
  requireOwner(context.caller, node);
  node.mode = Number.parseInt(context.params.get('permission') ?? '755', 8);
  return undefined;
}

export function setOwner(context: Context): undefined {
  const node = required(context);
  requireSuperuser(context.caller);
  node.owner = context.params.get('owner') || node.owner;
  node.group = context.params.get('group') || node.group;
  return undefined;
}

export function setTimes(context: Context): undefined {
  const node = required(context);
  requireAccess(context.caller, node, 'write');
  const [modifiedMs, accessedMs] = ['modificationtime', 'accesstime'].map((name) =>
    Number(context.params.get(name) ?? -1),
  );
  if (modifiedMs !== undefined && modifiedMs >= 0) node.modifiedMs = modifiedMs;
  if (accessedMs !== undefined && accessedMs >= 0) node.accessedMs = accessedMs;
  return undefined;
}

export function setQuota(context: Context): undefined {
  const { params } = context;
  const node = required(context);
  requireSuperuser(context.caller);
  if (node.kind === 'file') throw new HdfsRefusal('IOException', `${context.path} is not a directory`);
  const quota = (name: string) => (params.get(name) === null ? undefined : Number(params.get(name)));
  node.nameQuota = quota('namespacequota') ?? node.nameQuota;
  node.spaceQuota = quota('storagespacequota') ?? node.spaceQuota;
  return undefined;
}

function required(context: Context): Inode {
  requireWay(context.caller, context.tree.find(context.path));
  return requireThere(context);
}

function statusOf(node: Inode, pathSuffix: string) {
  const isFile = node.kind === 'file';
  return {
    accessTime: node.accessedMs,
    blockSize: isFile ? node.blockBytes : 0,
    childrenNum: isFile ? 0 : node.children.size,
    fileId: node.id,
    group: node.group,
    length: isFile ? lengthOf(node) : 0,
    modificationTime: node.modifiedMs,
    owner: node.owner,
    pathSuffix,
    permission: node.mode.toString(8),
    replication: isFile ? node.replication : 0,
    storagePolicy: 0,
    type: isFile ? 'FILE' : 'DIRECTORY',
  };
}
