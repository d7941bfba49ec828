import type { HdfsModel } from '../hdfs/model.ts';
import type { MemoryDisk } from '../memory-disk.ts';
import type { S3Model } from '../s3/model.ts';
import { hdfsFilesBelow, removeHdfsFile } from './hdfs-files.ts';
import { BUCKET, OUT, OUT_PREFIX, STATE, STATE_PREFIX } from './places.ts';
import type { Plan } from './plan.ts';

/** What lies where, as somebody sees it who is not the pipeline. */
export interface Places {
  readonly plan: Plan;
  readonly disk: MemoryDisk;
  readonly s3: S3Model;
  readonly hdfs: HdfsModel;
  readonly objects: Map<string, Uint8Array>;
}

/** Files of the output by path, as a plain lister finds them: what begins with `_` or `.` does not count. */
export function visibleFiles(places: Places): Map<string, Buffer> {
  const visible = new Map<string, Buffer>();
  for (const [path, bytes] of filesOf(places)) if (!/(^|\/)[_.]/.test(path)) visible.set(path, bytes);
  return visible;
}

function filesOf({ plan, disk, s3, hdfs }: Places): Iterable<readonly [path: string, bytes: Buffer]> {
  switch (plan.sink) {
    case 'file':
      return disk.filesBelow(OUT);
    case 's3':
      return s3.objects(BUCKET, OUT_PREFIX).map(([key, { body }]) => [key.slice(OUT_PREFIX.length), body]);
    case 'hdfs':
      return [...hdfsFilesBelow(hdfs, OUT)].map(([path, { bytes }]) => [path, bytes]);
  }
}

/** A loader moves a file away. */
export function removeFile({ plan, disk, s3, hdfs }: Places, path: string): void {
  if (plan.sink === 'file') disk.remove(`${OUT}/${path}`);
  else if (plan.sink === 'hdfs') removeHdfsFile(hdfs, `${OUT}/${path}`);
  else s3.bucket(BUCKET).delete(OUT_PREFIX + path);
}

/** What is staged and not visible. */
export function stagedFiles({ plan, disk, s3, hdfs }: Places): string[] {
  if (plan.sink === 'file') return [...disk.filesBelow(`${OUT}/.staging`).keys()];
  if (plan.sink === 'hdfs') return [...hdfsFilesBelow(hdfs, `${OUT}/.staging`).keys()];
  return s3.uploads(BUCKET).map(({ key }) => key);
}

/** What the checkpoint store holds, by key. */
export function storedCheckpoints({ plan, disk, s3, hdfs, objects }: Places): Map<string, Uint8Array> {
  if (plan.store === 'file') return disk.filesBelow(STATE);
  if (plan.store === 'network') return objects;
  if (plan.store === 'hdfs') return new Map([...hdfsFilesBelow(hdfs, STATE)].map(([path, { bytes }]) => [path, bytes]));
  return new Map(
    s3.objects(BUCKET, STATE_PREFIX).map(([key, { body }]) => [key.slice(STATE_PREFIX.length), body] as const),
  );
}

/** Somebody deletes every checkpoint. */
export function loseCheckpoints(places: Places): void {
  const { plan, disk, s3, hdfs, objects } = places;
  for (const key of [...storedCheckpoints(places).keys()]) {
    if (plan.store === 'file') disk.remove(`${STATE}/${key}`);
    else if (plan.store === 'network') objects.delete(key);
    else if (plan.store === 'hdfs') removeHdfsFile(hdfs, `${STATE}/${key}`);
    else s3.bucket(BUCKET).delete(STATE_PREFIX + key);
  }
}

/** Half of one checkpoint is left. */
export function tearCheckpoint(places: Places, key: string): void {
  const { plan, disk, s3, hdfs, objects } = places;
  const bytes = storedCheckpoints(places).get(key) as Uint8Array;
  const half = bytes.subarray(0, bytes.length >> 1);
  if (plan.store === 'file') disk.cutOff(`${STATE}/${key}`);
  else if (plan.store === 'network') objects.set(key, half);
  else if (plan.store === 'hdfs') {
    const file = hdfsFilesBelow(hdfs, STATE).get(key);
    if (file !== undefined) file.bytes = Buffer.from(half);
  } else {
    const bucket = s3.bucket(BUCKET);
    const stored = bucket.get(STATE_PREFIX + key);
    if (stored !== undefined)
      bucket.put(STATE_PREFIX + key, { ...stored, body: Buffer.from(half), checksum: undefined });
  }
}
