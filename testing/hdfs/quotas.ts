import { HdfsRefusal } from './errors.ts';
import { below, type DirectoryNode, type Inode, pathOf } from './tree.ts';

/** A node and the directories above it. */
function* upwards(node: Inode): Generator<DirectoryNode> {
  for (let at: Inode | undefined = node; at !== undefined; at = at.parent) if (at.kind === 'directory') yield at;
}

/** Refuses names that would be too many for a directory or one above; those that come from below it count already. */
export function requireNames(parent: DirectoryNode, more: number, from?: Inode): void {
  const counted = new Set(from === undefined ? [] : upwards(from));
  for (const directory of upwards(parent)) {
    if (directory.nameQuota === undefined || counted.has(directory)) continue;
    const names = [...below(directory)].length + more;
    if (names <= directory.nameQuota) continue;
    const what = `The NameSpace quota (directories and files) of directory ${pathOf(directory)} is exceeded`;
    throw new HdfsRefusal('NSQuotaExceededException', `${what}: quota=${directory.nameQuota} file count=${names}`);
  }
}

/** Refuses space that would be too much. */
export function requireSpace(parent: DirectoryNode, more: number, from?: Inode): void {
  const counted = new Set(from === undefined ? [] : upwards(from));
  for (const directory of upwards(parent)) {
    if (directory.spaceQuota === undefined || counted.has(directory)) continue;
    const bytes = spaceOf(directory) + more;
    if (bytes <= directory.spaceQuota) continue;
    const what = `The DiskSpace quota of ${pathOf(directory)} is exceeded`;
    throw new HdfsRefusal(
      'DSQuotaExceededException',
      `${what}: quota = ${directory.spaceQuota} B but consumed = ${bytes} B`,
    );
  }
}

/** What its files take, replicas included. An open block counts whole. */
export function spaceOf(node: Inode): number {
  let bytes = 0;
  for (const file of below(node)) {
    if (file.kind === 'directory') continue;
    const { length } = file.bytes;
    const held = file.lease === undefined ? length : Math.ceil(length / file.blockBytes) * file.blockBytes;
    bytes += held * file.replication;
  }
  return bytes;
}
