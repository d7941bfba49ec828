import { FolderOutput } from './folder-output.ts';
import { type OutputListing, type VisibleFile, visibleFile } from './output.ts';

/** An output to read: a folder by its path, or one that lies elsewhere. */
export type OutputRoot = string | OutputListing;

export function listingOf(root: OutputRoot): OutputListing {
  return typeof root === 'string' ? new FolderOutput(root) : root;
}

/** Lists an output as downstream jobs do, by series and then by name. */
export async function listVisible(root: OutputRoot): Promise<VisibleFile[]> {
  return (await listingOf(root).list()).map(visibleFile).sort(inWriteOrder);
}

/** By series, and within a series in the order in which the files were written. */
export function inWriteOrder(a: VisibleFile, b: VisibleFile): number {
  return compare(a.series, b.series) || compare(a.path, b.path);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
