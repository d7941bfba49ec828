/** One file that a plain reader of the output sees. */
export interface VisibleFile {
  /** Path below the root, with `/`. */
  path: string;
  /** Directory and name up to the two running numbers at its end: files of one shard and directory, in write order when sorted by name. */
  series: string;
  /** The first of the two numbers, 0 when the name has none: which incarnation wrote it. */
  epoch: number;
}

/** What tells whether a file was written again since it was last seen. */
export interface FileState {
  /** Path below the root, with `/`. */
  path: string;
  bytes: number;
  /** Differs when the file was written again. */
  version: string;
}

/** Where an output lies, as any downstream job reaches it: no code of a sink is used. What `isHidden` is left out. */
export interface OutputListing {
  /** The paths of all files, in any order. */
  list(): Promise<string[]>;
  /** The same, and what may change about them. */
  look(): Promise<FileState[]>;
  /** The content in order; a chunk is valid until the next one is asked for. Throws `FileGone`. */
  read(path: string): AsyncIterable<Buffer>;
}

/** A file that was listed is there no more, or is another one by now. */
export class FileGone extends Error {}

/** Readers leave out files and folders whose names start with `_` or `.`. */
export function isHidden(name: string): boolean {
  return name.startsWith('_') || name.startsWith('.');
}

/** What the name of a file below the root says. */
export function visibleFile(path: string): VisibleFile {
  const match = /^(.*)-(\d{12})-(\d{8})\.[^/]+$/.exec(path);
  if (match === null) return { path, series: path.slice(0, path.lastIndexOf('/') + 1), epoch: 0 };
  return { path, series: match[1] as string, epoch: Number(match[2]) };
}
