import { straightened } from './addresses.ts';
import { type Context, requireThere, saysBoolean } from './context.ts';
import { HdfsRefusal } from './errors.ts';
import { requireEmptying, requireMaking, requireTaking, requireWay } from './permissions.ts';
import { requireNames, requireSpace, spaceOf } from './quotas.ts';
import {
  below,
  type Inode,
  isAttached,
  type Place,
  requireDirectory,
  requireShortNames,
  requireValid,
  type Tree,
} from './tree.ts';

const DIRECTORY_MODE = 0o755;

export function mkdirs(context: Context): object {
  const { tree, caller, path, params, nowMs } = context;
  requireValid(path);
  const place = tree.find(path);
  requireWay(caller, place);
  if (place.node?.kind === 'directory') return saysBoolean(true);
  if (place.node !== undefined) throw new HdfsRefusal('FileAlreadyExistsException', `Path is not a directory: ${path}`);
  const parent = requireDirectory(place.existing.at(-1) as Inode);
  requireMaking(caller, place);
  requireShortNames(place.missing);
  requireNames(parent, place.missing.length);
  const mode = Number.parseInt(params.get('permission') ?? DIRECTORY_MODE.toString(8), 8);
  tree.addDirectories(place, place.missing, caller.user, mode, nowMs);
  return saysBoolean(true);
}

export function remove({ tree, caller, path, params, nowMs }: Context): object {
  const place = tree.find(path);
  requireWay(caller, place);
  const { node } = place;
  if (node === undefined || node === tree.root) return saysBoolean(false);
  requireTaking(caller, node);
  if (node.kind === 'directory' && node.children.size > 0) {
    if (params.get('recursive') !== 'true')
      throw new HdfsRefusal('PathIsNotEmptyDirectoryException', `\`${path} is non empty': Directory is not empty`);
    requireEmptying(caller, node);
  }
  tree.take(node, nowMs);
  return saysBoolean(true);
}

/** Answers with a boolean without `renameoptions`, and with nothing when there are some. A gateway does not know them. */
export function rename(context: Context): object | undefined {
  const { params, via } = context;
  const destination = targetOf(context);
  const options = params.get('renameoptions');
  if (options === null || via === 'gateway') return saysBoolean(renamed(context, destination));
  renameStrictly(context, destination, options.toUpperCase() === 'OVERWRITE');
  return undefined;
}

function targetOf({ params, via, caller }: Context): string {
  const destination = params.get('destination') ?? '';
  if (destination === '')
    throw new HdfsRefusal('IllegalArgumentException', 'Required param destination for op: RENAME is null or empty');
  if (!destination.startsWith('/') && via === 'nameNode') {
    const what = `Invalid parameter value: destination = "${destination}" is not an absolute path.`;
    throw new HdfsRefusal('IllegalArgumentException', `Invalid value for webhdfs parameter "destination": ${what}`);
  }
  const absolute = destination.startsWith('/') ? destination : `/user/${caller.user}/${destination}`;
  // Unlike the path of a request, it is made straight.
  return straightened(absolute);
}

/** The old rename, which says no by false, and moves into a directory that has the name. */
function renamed({ tree, caller, path, nowMs }: Context, destination: string): boolean {
  requireValid(destination);
  const from = tree.find(path);
  const source = from.node;
  const onto = tree.find(destination);
  const isInto = onto.node?.kind === 'directory' && source !== undefined;
  const to = isInto ? tree.find(`${destination}/${source.name}`) : onto;
  requireWay(caller, from);
  if (source !== undefined) requireTaking(caller, source);
  requireMaking(caller, to);
  if (source === undefined || source === tree.root) return false;
  if (source === to.node) return source.kind === 'file';
  if (to.existing.includes(source) || to.node !== undefined) return false;
  if (to.missing.length > 1) return false;
  move(tree, source, to, nowMs);
  return true;
}

/** The new rename, which says what is wrong. */
function renameStrictly({ tree, caller, path, nowMs }: Context, destination: string, isOverwriting: boolean): void {
  requireValid(destination);
  const from = tree.find(path);
  const to = tree.find(destination);
  requireWay(caller, from);
  if (from.node !== undefined) requireTaking(caller, from.node);
  requireMaking(caller, to);
  const source = from.node;
  if (source === undefined) throw new HdfsRefusal('FileNotFoundException', `rename source ${path} is not found.`);
  if (source === tree.root) throw new HdfsRefusal('IOException', 'rename source cannot be the root');
  if (source === to.node)
    throw new HdfsRefusal(
      'FileAlreadyExistsException',
      `The source ${path} and destination ${destination} are the same`,
    );
  if (to.existing.includes(source)) {
    const what = `Rename destination ${destination} is a directory or file under source ${path}`;
    throw new HdfsRefusal('IOException', what);
  }
  if (to.missing.length > 1)
    throw new HdfsRefusal('FileNotFoundException', `rename destination parent ${destination} not found.`);
  if (to.node !== undefined) requireReplaceable(source, to.node, path, destination, isOverwriting);
  if (to.node !== undefined) tree.take(to.node, nowMs);
  move(tree, source, tree.find(destination), nowMs);
}

function requireReplaceable(source: Inode, target: Inode, path: string, destination: string, isOverwriting: boolean) {
  if (source.kind !== target.kind) {
    const what = source.kind === 'directory' ? 'must both be directories' : 'must both be files';
    throw new HdfsRefusal('IOException', `Source ${path} and destination ${destination} ${what}`);
  }
  if (!isOverwriting)
    throw new HdfsRefusal('FileAlreadyExistsException', `rename destination ${destination} already exists`);
  if (target.kind === 'directory' && target.children.size > 0)
    throw new HdfsRefusal('IOException', `rename destination directory is not empty: ${destination}`);
}

/** Whoever writes to it goes on writing to it. */
function move(tree: Tree, source: Inode, { existing, missing }: Place, nowMs: number): void {
  const parent = requireDirectory(existing.at(-1) as Inode);
  const [name = ''] = missing;
  requireShortNames(missing);
  requireNames(parent, [...below(source)].length, source);
  requireSpace(parent, spaceOf(source), source);
  tree.take(source, nowMs);
  source.name = name;
  tree.put(parent, source, nowMs);
}

/** Joins files of one directory to another one there, in their order, and removes them. */
export function concat(context: Context): undefined {
  const { tree, path, params, nowMs } = context;
  const target = requireThere(context);
  const sources = (params.get('sources') ?? '').split(',').map((source) => requireThere(context, tree.find(source)));
  for (const source of sources) {
    if (target.kind !== 'file' || source.kind !== 'file' || !isAttached(source, tree.root) || source === target)
      throw new HdfsRefusal('HadoopIllegalArgumentException', `concat: the sources of ${path} must be other files`);
    target.bytes = Buffer.concat([target.bytes, source.bytes]);
    tree.take(source, nowMs);
  }
  return undefined;
}
