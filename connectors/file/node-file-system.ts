import { constants, type Dirent, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { isErrorCode } from './errors.ts';
import type { EntryKind, FileSystem, OpenFile, Status } from './file-system.ts';

/** The file system of this machine. */
export const nodeFileSystem: FileSystem = {
  create: async (path) => openFile(await fs.open(path, 'wx')),
  read: (path) => fs.readFile(path),
  readRange: async (path, { from, bytes }) => {
    const handle = await fs.open(path);
    try {
      const buffer = Buffer.allocUnsafe(bytes);
      let filled = 0;
      while (filled < bytes) {
        const { bytesRead } = await handle.read(buffer, filled, bytes - filled, from + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } finally {
      await handle.close();
    }
  },
  mkdir: (path) => fs.mkdir(path),
  readdir: async (path) => {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  },
  stat: (path) => status(fs.stat(path)),
  lstat: (path) => status(fs.lstat(path)),
  rename: (from, to) => fs.rename(from, to),
  link: (from, to) => fs.link(from, to),
  unlink: (path) => fs.unlink(path),
  syncDirectory: async (path) => {
    const directory = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  requireWritable: (path) => fs.access(path, constants.R_OK | constants.W_OK | constants.X_OK),
};

function openFile(handle: fs.FileHandle): OpenFile {
  return {
    write: async (chunks) => {
      const [first] = chunks;
      if (chunks.length === 1 && first !== undefined) return (await handle.write(first)).bytesWritten;
      return (await handle.writev(chunks)).bytesWritten;
    },
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

async function status(pending: Promise<Stats>): Promise<Status | undefined> {
  try {
    const stats = await pending;
    return { kind: kindOf(stats), bytes: stats.size, device: stats.dev, modifiedMs: stats.mtimeMs };
  } catch (error) {
    if (isErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function kindOf(entry: Dirent | Stats): EntryKind {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'directory' : 'other';
}
