import type { MemoryDisk } from '../memory-disk.ts';
import type { S3Model } from '../s3/model.ts';
import { BUCKET, OUT, OUT_PREFIX, STATE, STATE_PREFIX } from './places.ts';
import type { Plan } from './plan.ts';

/** What lies where, as somebody sees it who is not the pipeline. */
export interface Places {
  readonly plan: Plan;
  readonly disk: MemoryDisk;
  readonly s3: S3Model;
  readonly objects: Map<string, Uint8Array>;
}

/** Files of the output by path, as a plain lister finds them: what begins with `_` or `.` does not count. */
export function visibleFiles({ plan, disk, s3 }: Places): Map<string, Buffer> {
  const all =
    plan.sink === 'file'
      ? disk.filesBelow(OUT)
      : s3.objects(BUCKET, OUT_PREFIX).map(([key, { body }]) => [key.slice(OUT_PREFIX.length), body] as const);
  const visible = new Map<string, Buffer>();
  for (const [path, bytes] of all) if (!/(^|\/)[_.]/.test(path)) visible.set(path, bytes);
  return visible;
}

/** A loader moves a file away. */
export function removeFile({ plan, disk, s3 }: Places, path: string): void {
  if (plan.sink === 'file') disk.remove(`${OUT}/${path}`);
  else s3.bucket(BUCKET).delete(OUT_PREFIX + path);
}

/** What is staged and not visible. */
export function stagedFiles({ plan, disk, s3 }: Places): string[] {
  if (plan.sink === 'file') return [...disk.filesBelow(`${OUT}/.staging`).keys()];
  return s3.uploads(BUCKET).map(({ key }) => key);
}

/** What the checkpoint store holds, by key. */
export function storedCheckpoints({ plan, disk, s3, objects }: Places): Map<string, Uint8Array> {
  if (plan.store === 'file') return disk.filesBelow(STATE);
  if (plan.store === 'network') return objects;
  return new Map(
    s3.objects(BUCKET, STATE_PREFIX).map(([key, { body }]) => [key.slice(STATE_PREFIX.length), body] as const),
  );
}

/** Somebody deletes every checkpoint. */
export function loseCheckpoints(places: Places): void {
  const { plan, disk, s3, objects } = places;
  for (const key of [...storedCheckpoints(places).keys()]) {
    if (plan.store === 'file') disk.remove(`${STATE}/${key}`);
    else if (plan.store === 'network') objects.delete(key);
    else s3.bucket(BUCKET).delete(STATE_PREFIX + key);
  }
}

/** Half of one checkpoint is left. */
export function tearCheckpoint(places: Places, key: string): void {
  const { plan, disk, s3, objects } = places;
  const bytes = storedCheckpoints(places).get(key) as Uint8Array;
  const half = bytes.subarray(0, bytes.length >> 1);
  if (plan.store === 'file') disk.cutOff(`${STATE}/${key}`);
  else if (plan.store === 'network') objects.set(key, half);
  else {
    const bucket = s3.bucket(BUCKET);
    const stored = bucket.get(STATE_PREFIX + key);
    if (stored !== undefined)
      bucket.put(STATE_PREFIX + key, { ...stored, body: Buffer.from(half), checksum: undefined });
  }
}
