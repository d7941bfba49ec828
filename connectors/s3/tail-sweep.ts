import type { Named, OrphanScope } from '../../core/spi.ts';
import { isPartOf, parsePartName, partNamePrefix } from '../filesink/part-name.ts';
import type { S3Handle } from './handle.ts';
import type { OpenUploadState } from './open-upload.ts';
import type { Retrier } from './retry.ts';
import type { S3Api } from './s3-api.ts';
import { TAILS } from './tails.ts';

export interface TailSweepOptions {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly api: S3Api;
  readonly retrier: Retrier;
  /** Of this incarnation. */
  readonly settledBelow: number;
}

/**
 * Deletes the tails that no retained slot names: of older incarnations all of them, of this one those that are settled, as what
 * is newer may be on its way into the next slot.
 */
export async function sweepTails(
  { bucket, root, api, retrier, settledBelow }: TailSweepOptions,
  scope: OrphanScope,
  keep: Named<S3Handle, OpenUploadState>,
  signal: AbortSignal,
): Promise<void> {
  const named = new Set(
    keep.open.flatMap(({ place: { tail, journal = [] } }) => [...tail, ...journal].map(({ key }) => key)),
  );
  for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
    const query = {
      bucket,
      prefix: `${root}${TAILS}${partNamePrefix(scope)}`,
      ...(next === undefined ? {} : { next }),
    };
    const page = await retrier.run(() => api.listKeys(query, { signal }), signal);
    for (const key of page.items) {
      const tail = ownTail(key, scope);
      if (tail === undefined || named.has(key)) continue;
      const isOld = tail.epoch < scope.epochBelow || (tail.epoch === scope.epochBelow && tail.counter < settledBelow);
      if (isOld) await retrier.run(() => api.delete({ bucket, key }, { signal }), signal);
    }
    next = page.next;
  }
}

function ownTail(key: string, scope: OrphanScope) {
  const name = parsePartName(key.slice(key.lastIndexOf('/') + 1));
  return name !== undefined && isPartOf(scope, name) ? name : undefined;
}
