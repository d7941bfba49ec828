import type { Named, OrphanListing, OrphanScope } from '../../core/spi.ts';
import { judgeStaged, type StagedKind } from '../filesink/orphan.ts';
import type { HdfsHandle } from './handle.ts';
import { STAGING } from './staging.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { isHdfsError } from './webhdfs/errors.ts';

export interface StagedFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
  readonly judged: Exclude<StagedKind, { kind: 'foreign' }>;
}

export interface StagingPlace {
  readonly root: string;
  readonly client: WebHdfs;
}

/** Everything that this owner has staged, and whether it is an orphan: for those who remove them and those who only look. */
export async function readStaged(
  { root, client }: StagingPlace,
  scope: OrphanScope,
  keep: Named<HdfsHandle>,
  signal: AbortSignal | undefined,
): Promise<StagedFile[]> {
  const staging = `${root}/${STAGING}`;
  const named = new Set(keep.handles.map(({ payload }) => payload.staged));
  const files: StagedFile[] = [];
  try {
    for await (const { name, bytes, modifiedAtMs } of client.listStatusBatch(staging, { signal })) {
      const path = `${staging}/${name}`;
      const judged = judgeStaged(name, scope, named.has(path));
      if (judged.kind !== 'foreign') files.push({ name, path, bytes, modifiedAtMs, judged });
    }
  } catch (error) {
    // Nothing was ever staged, or somebody has removed all of it.
    if (!isHdfsError(error, 'notFound')) throw error;
  }
  return files;
}

/** What a sweep would remove. */
export async function listOrphans(
  place: StagingPlace,
  scope: OrphanScope,
  keep: Named<HdfsHandle>,
  signal: AbortSignal | undefined,
): Promise<OrphanListing> {
  const staged = await readStaged(place, scope, keep, signal);
  const orphans = staged.flatMap(({ path, bytes, modifiedAtMs, judged }) =>
    judged.kind === 'orphan' ? [{ place: `hdfs:${path}`, epoch: judged.epoch, bytes, stagedAtMs: modifiedAtMs }] : [],
  );
  return { orphans, kept: staged.length - orphans.length };
}
