/** The few things the file connector asks of an operating system, so that tests can lose power between any two of them. */
export interface FileSystem {
  /** Creates a file that must not exist yet, for writing. */
  create(path: string): Promise<OpenFile>;
  read(path: string): Promise<Uint8Array>;
  /** At most `bytes` from `from` on; fewer only at the end of the file. */
  readRange(path: string, range: { readonly from: number; readonly bytes: number }): Promise<Uint8Array>;
  mkdir(path: string): Promise<void>;
  readdir(path: string): Promise<DirectoryEntry[]>;
  /** Follows symbolic links; undefined when nothing is there. */
  stat(path: string): Promise<Status | undefined>;
  /** The same without following a link at the end of the path. */
  lstat(path: string): Promise<Status | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for the same file; fails when `to` exists. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes the names in a directory durable: creations, renames and removals that have returned. */
  syncDirectory(path: string): Promise<void>;
  /** Rejects when this process may not create names in the directory. */
  requireWritable(path: string): Promise<void>;
}

/** Errors are those of Node: `code` tells them apart. */
export interface OpenFile {
  /** Appends what fits and returns how many bytes that were: fewer than given near a full disk. */
  write(chunks: readonly Uint8Array[]): Promise<number>;
  /** Makes the bytes durable, not the name. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type EntryKind = 'file' | 'directory' | 'other';

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: EntryKind;
}

export interface Status {
  readonly kind: EntryKind;
  readonly bytes: number;
  /** Names can move only within one device. */
  readonly device: number;
  /** Wall time of the last write, for people; undefined where none is kept. */
  readonly modifiedMs?: number | undefined;
}

/** Writes all chunks, however short the counts are that come back. */
export async function writeAll(file: OpenFile, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = dropBytes(chunks, 0);
  while (rest.length > 0) {
    const written = await file.write(rest);
    if (written === 0) throw noProgress();
    rest = dropBytes(rest, written);
  }
}

function dropBytes(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.length) return [chunk.subarray(left), ...chunks.slice(index + 1)];
    left -= chunk.length;
  }
  return [];
}

/** A write that takes nothing and reports nothing is how some file systems say that they are full. */
function noProgress(): Error {
  return Object.assign(new Error('the file took no bytes'), { code: 'ENOSPC' });
}
