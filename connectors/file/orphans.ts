import { basename, join } from 'node:path';
import type { Named, OrphanListing, OrphanScope } from '../../core/spi.ts';
import { judgeStaged, type StagedKind } from '../filesink/orphan.ts';
import { isPartOf, parsePartName } from '../filesink/part-name.ts';
import { isErrorCode, toFileError, withFileErrors } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import type { FileHandle, OpenFileState } from './handle.ts';
import { JOURNAL_EXTENSION } from './journal.ts';
import { STAGING } from './staging.ts';

export interface StagedFile {
  readonly name: string;
  readonly path: string;
  readonly judged: Exclude<StagedKind, { kind: 'foreign' }>;
}

export interface StagingPlace {
  readonly root: string;
  readonly fs: FileSystem;
}

/** Everything that this owner has staged, and whether it is an orphan: for those who remove them and those who only look. */
export async function readStaged(
  { root, fs }: StagingPlace,
  scope: OrphanScope,
  keep: Named<FileHandle, OpenFileState>,
  settledBelow = 0,
): Promise<StagedFile[]> {
  const staging = join(root, STAGING);
  const named = [...keep.handles.map(({ payload }) => payload), ...keep.open.map(({ place }) => place)];
  const journals = keep.open.flatMap(({ place }) => place.journal ?? []);
  const keptNames = new Set([...named, ...journals].map(({ staged }) => basename(staged)));
  return (await entriesOf(staging, fs)).flatMap(({ name }) => {
    const isNamed = keptNames.has(name);
    const judged: StagedKind =
      !isNamed && isReplaced(name, scope, settledBelow)
        ? { kind: 'orphan', epoch: scope.epochBelow }
        : judgeStaged(name, scope, isNamed);
    return judged.kind === 'foreign' ? [] : [{ name, path: join(staging, name), judged }];
  });
}

/** What a sweep would remove. */
export async function listOrphans(
  place: StagingPlace,
  scope: OrphanScope,
  keep: Named<FileHandle, OpenFileState>,
): Promise<OrphanListing> {
  const staged = await readStaged(place, scope, keep);
  const orphans: OrphanListing['orphans'][number][] = [];
  for (const { path, judged } of staged) {
    if (judged.kind !== 'orphan') continue;
    const status = await withFileErrors({ doing: 'look at', path }, () => place.fs.lstat(path));
    // Somebody removed it since.
    if (status === undefined) continue;
    orphans.push({ place: path, epoch: judged.epoch, bytes: status.bytes, stagedAtMs: status.modifiedMs });
  }
  return { orphans, kept: staged.filter(({ judged }) => judged.kind === 'kept').length };
}

/** Whether a journal of the incarnation at work, which no slot names, never will be named either. */
function isReplaced(name: string, scope: OrphanScope, settledBelow: number): boolean {
  const part = parsePartName(name);
  if (part?.extension !== JOURNAL_EXTENSION || part.epoch !== scope.epochBelow || !isPartOf(scope, part)) return false;
  return part.counter < settledBelow;
}

async function entriesOf(staging: string, fs: FileSystem) {
  try {
    return await fs.readdir(staging);
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return [];
    throw toFileError(error, { doing: 'list', path: staging });
  }
}
