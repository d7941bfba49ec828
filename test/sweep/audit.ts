import type { MemoryDisk } from '../../testing/memory-disk.ts';
import { MemoryFileSystem } from '../../testing/memory-file-system.ts';
import { OUT, PARTITIONS, RECORDS } from './world.ts';

/** Visible files by path, as a plain lister finds them: names that begin with `_` or `.` do not count. */
export async function visibleFiles(disk: MemoryDisk): Promise<Map<string, string>> {
  const fs = new MemoryFileSystem(disk);
  const files = new Map<string, string>();
  const walk = async (directory: string): Promise<void> => {
    for (const { name, kind } of await fs.readdir(directory)) {
      if (name.startsWith('_') || name.startsWith('.')) continue;
      const path = `${directory}/${name}`;
      if (kind === 'directory') await walk(path);
      else files.set(path, Buffer.from(await fs.read(path)).toString('utf8'));
    }
  };
  if ((await fs.stat(OUT)) !== undefined) await walk(OUT);
  return files;
}

/** Everything that is wrong with a finished output: an empty list is exactly once, whole and in order. */
export function anomalies(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const next = new Array<number>(PARTITIONS).fill(0);
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!text.endsWith('\n')) found.push(`torn: ${path} does not end with a line`);
    for (const line of text.split('\n').slice(0, -1)) {
      const { partition, sequence } = parse(line);
      const wanted = next[partition];
      if (wanted === undefined || Number.isNaN(sequence)) found.push(`torn: ${line}`);
      else if (sequence < wanted) found.push(`duplicate: ${partition}/${sequence} in ${path}`);
      else if (sequence > wanted) found.push(`lost or out of order: ${partition}/${wanted} before ${path}`);
      next[partition] = Math.max(wanted ?? 0, sequence + 1);
    }
  }
  const total = next.reduce((sum, count) => sum + count, 0);
  if (total !== RECORDS) found.push(`lost: ${RECORDS - total} of ${RECORDS} records`);
  return found;
}

/** What an event-driven loader does: takes every visible file away. */
export async function takeVisibleFiles(disk: MemoryDisk): Promise<Map<string, string>> {
  const fs = new MemoryFileSystem(disk);
  const taken = await visibleFiles(disk);
  for (const path of taken.keys()) await fs.unlink(path);
  return taken;
}

/** A visible file never changes and never vanishes. */
export function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...before].flatMap(([path, text]) => (after.get(path) === text ? [] : [`changed or vanished: ${path}`]));
}

function parse(line: string): { partition: number; sequence: number } {
  try {
    return JSON.parse(line);
  } catch {
    return { partition: -1, sequence: Number.NaN };
  }
}
