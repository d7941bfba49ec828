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
}

/**
 * Deletes the tails that no retained slot names: of older incarnations all of them, of this one those that are older than one
 * that a slot names, as what is newer may be on its way into the next slot.
 */
export async function sweepTails(
  { bucket, root, api, retrier }: TailSweepOptions,
  scope: OrphanScope,
  keep: Named<S3Handle, OpenUploadState>,
  signal: AbortSignal,
): Promise<void> {
  const named = new Set(keep.open.flatMap(({ place }) => place.tail.map(({ key }) => key)));
  const counters = [...named].map((key) => ownTail(key, scope)).filter((tail) => tail?.epoch === scope.epochBelow);
  const newest = Math.max(-1, ...counters.flatMap((tail) => tail?.counter ?? []));
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
      const isOld = tail.epoch < scope.epochBelow || (tail.epoch === scope.epochBelow && tail.counter < newest);
      if (isOld) await retrier.run(() => api.delete({ bucket, key }, { signal }), signal);
    }
    next = page.next;
  }
}

function ownTail(key: string, scope: OrphanScope) {
  const name = parsePartName(key.slice(key.lastIndexOf('/') + 1));
  return name !== undefined && isPartOf(scope, name) ? name : undefined;
}
