import { createHash } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One file that a plain reader of the output sees. */
export interface VisibleFile {
  /** Path below the root, with `/`. */
  path: string;
  /** Directory and name up to the two running numbers at its end: files of one shard and directory, in write order when sorted by name. */
  series: string;
  /** The first of the two numbers, 0 when the name has none: which incarnation wrote it. */
  epoch: number;
}

/** Lists an output as downstream jobs do: recursively, leaving out what starts with `_` or `.`. No code of a sink is used. */
export async function listVisible(root: string): Promise<VisibleFile[]> {
  const files: VisibleFile[] = [];
  await walk(root, '', files);
  return files.sort((a, b) => compare(a.series, b.series) || compare(a.path, b.path));
}

async function walk(root: string, below: string, files: VisibleFile[]): Promise<void> {
  let entries: import('node:fs').Dirent[];
  try {
    entries = await readdir(join(root, below), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // nothing written yet
    throw error;
  }
  for (const entry of entries) {
    if (/^[_.]/.test(entry.name)) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, files);
    else files.push(visibleFile(path));
  }
}

/** What the name of a file below the root says. */
export function visibleFile(path: string): VisibleFile {
  const match = /^(.*)-(\d{12})-(\d{8})\.[^/]+$/.exec(path);
  if (match === null) return { path, series: path.slice(0, path.lastIndexOf('/') + 1), epoch: 0 };
  return { path, series: match[1] as string, epoch: Number(match[2]) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Called for every line without its newline; `whole` is false for a last line that has none. Valid only during the call. */
export type OnLine = (bytes: Buffer, start: number, end: number, whole: boolean) => void;

const chunkBytes = 1024 * 1024;

/** Reads a file through one buffer, line by line. */
export async function readLines(path: string, onLine: OnLine): Promise<{ bytes: number }> {
  const file = await open(path);
  try {
    let buffer = Buffer.allocUnsafe(chunkBytes);
    let kept = 0;
    let bytes = 0;
    for (;;) {
      if (kept === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2); // a line longer than the buffer
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept, null);
      if (bytesRead === 0) break;
      bytes += bytesRead;
      const filled = kept + bytesRead;
      let start = 0;
      for (let end = buffer.indexOf(10, kept); end !== -1 && end < filled; end = buffer.indexOf(10, start)) {
        onLine(buffer, start, end, true);
        start = end + 1;
      }
      buffer.copyWithin(0, start, filled);
      kept = filled - start;
    }
    if (kept > 0) onLine(buffer, 0, kept, false);
    return { bytes };
  } finally {
    await file.close();
  }
}

/** A hash over the whole content. */
export async function contentHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: chunkBytes })) hash.update(chunk);
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
