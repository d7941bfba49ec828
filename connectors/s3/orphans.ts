import {
  type Env,
  type Named,
  type Orphan,
  type OrphanListing,
  type OrphanReport,
  type OrphanScope,
  type Owner,
  toSluiceError,
} from '../../core/spi.ts';
import { judgeStaged, type StagedKind } from '../filesink/orphan.ts';
import { formatPartName } from '../filesink/part-name.ts';
import { isS3Error } from './errors.ts';
import type { S3Handle } from './handle.ts';
import type { OpenUploadState } from './open-upload.ts';
import type { Retrier } from './retry.ts';
import type { ListedUpload, S3Api, UploadPlace } from './s3-api.ts';

/** Between aborts: 50 a second leave the store to the pipelines that are at work. */
const PAUSE_MS = 20;
/** To know how long an upload is costs a request, so a list tells it of the first ones. */
const MEASURED_MAX = 100;
const PROBE_DIRECTORY = '_sluice';
/** What to do where orphans cannot be found. */
export const SET_A_RULE =
  'set a lifecycle rule that aborts incomplete uploads (AbortIncompleteMultipartUpload) after some days, more than any ' +
  'outage may last';
export const UNLISTED = 'this store does not list uploads by prefix, so what crashed runs leave behind cannot be found';

export interface OrphansOptions {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly api: S3Api;
  readonly retrier: Retrier;
  readonly owner: Owner & { readonly epoch: number };
  readonly env: Pick<Env, 'timers' | 'log'>;
}

/** What slots name is kept. */
export function uploadsOf({ handles, open }: Named<S3Handle, OpenUploadState>): ReadonlySet<string> {
  const ids = open.flatMap(({ place }) => place.upload?.uploadId ?? []);
  return new Set([...ids, ...handles.map(({ payload }) => payload.uploadId)]);
}

interface StagedUpload {
  readonly upload: ListedUpload;
  readonly judged: Exclude<StagedKind, { kind: 'foreign' }>;
}

/** Uploads that nobody will complete: those of older incarnations, by their name alone. */
export class Orphans {
  readonly #options: OrphansOptions;
  #provedListing = false;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** Leaves alone what is in `keep`, what is not this owner's, and what is not older than the scope says. */
  async abort(scope: OrphanScope, keep: ReadonlySet<string>, signal: AbortSignal): Promise<OrphanReport> {
    const { env, bucket, root } = this.#options;
    if (!this.#provedListing) {
      const isListed = await this.#proveListing(signal);
      this.#provedListing = true;
      if (!isListed) env.log.warn(`${UNLISTED}: ${SET_A_RULE}`, { bucket, prefix: root });
    }
    const aborted: string[] = [];
    let kept = 0;
    for await (const { upload, judged } of this.#staged(scope, keep, signal)) {
      const isOrphan = judged.kind === 'orphan';
      if (isOrphan && (await this.#abortOne(upload, signal))) aborted.push(upload.key);
      else kept++;
      if (isOrphan) await env.timers.sleep(PAUSE_MS, { signal });
    }
    return { aborted, kept };
  }

  /** What `abort` would abort. Where no upload is to be seen, one is begun, looked for and aborted. */
  async list(scope: OrphanScope, keep: ReadonlySet<string>, signal: AbortSignal): Promise<OrphanListing> {
    const { bucket } = this.#options;
    const orphans: Orphan[] = [];
    let kept = 0;
    for await (const { upload, judged } of this.#staged(scope, keep, signal)) {
      if (judged.kind === 'kept') kept++;
      else {
        orphans.push({
          place: `s3:${bucket}/${upload.key}`,
          id: upload.uploadId,
          epoch: judged.epoch,
          bytes: orphans.length < MEASURED_MAX ? await this.#bytesOf(upload, signal) : undefined,
          stagedAtMs: upload.begunAtMs,
        });
      }
    }
    // A store that shows one of ours by the prefix shows all of them.
    const isListed = orphans.length + kept > 0 || (await this.#proveListing(signal));
    if (isListed) return { orphans, kept };
    const why = `${UNLISTED} (one that was begun to see, and aborted, was not listed)`;
    return { orphans, kept, blindness: { why, help: SET_A_RULE } };
  }

  /** Every upload of this owner, and whether it is an orphan: for those who abort them and those who only look. */
  async *#staged(scope: OrphanScope, keep: ReadonlySet<string>, signal: AbortSignal): AsyncGenerator<StagedUpload> {
    for await (const upload of this.#list(signal)) {
      const name = upload.key.slice(upload.key.lastIndexOf('/') + 1);
      const judged = judgeStaged(name, scope, keep.has(upload.uploadId));
      if (judged.kind !== 'foreign') yield { upload, judged };
    }
  }

  async *#list(signal: AbortSignal): AsyncGenerator<ListedUpload> {
    const { bucket, root, api, retrier } = this.#options;
    for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
      const query = { bucket, prefix: root, next };
      const page = await retrier.run(() => api.listUploads(query, { signal }), signal);
      yield* page.items;
      next = page.next;
    }
  }

  /** Undefined when the store does not say: it is only for people to know. */
  async #bytesOf(upload: UploadPlace, signal: AbortSignal): Promise<number | undefined> {
    const { api, retrier } = this.#options;
    let bytes = 0;
    try {
      for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
        const page = await retrier.run(() => api.listParts({ ...upload, next }, { signal }), signal);
        for (const part of page.items) bytes += part.bytes;
        next = page.next;
      }
      return bytes;
    } catch (error) {
      if (isS3Error(error, 'denied', 'noSuchUpload', 'notImplemented')) return undefined;
      throw error;
    }
  }

  /** False when it could not be aborted; the next round tries again. */
  async #abortOne(upload: UploadPlace, signal: AbortSignal): Promise<boolean> {
    const { api, retrier, env } = this.#options;
    try {
      await retrier.run(() => api.abortUpload(upload, { signal }), signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const { key, uploadId } = upload;
      env.log.warn('an upload of an earlier run could not be aborted', {
        ...{ key, uploadId, why: toSluiceError(error).message },
      });
      return false;
    }
  }

  /**
   * Some stores (MinIO) list an upload only to who knows its key, so their orphans are never found. One upload, begun and
   * aborted, shows it; if this process dies in between, it has the name of an orphan itself.
   */
  async #proveListing(signal: AbortSignal): Promise<boolean> {
    const { bucket, root, api, retrier, owner } = this.#options;
    const name = formatPartName({ ...owner, counter: 0, extension: 'probe' });
    const place = { bucket, key: `${root}${PROBE_DIRECTORY}/${name}` };
    const probe = { metadata: {}, attributes: {} };
    const uploadId = await retrier.run(() => api.createUpload(place, probe, { signal }), signal);
    let isListed = false;
    for await (const upload of this.#list(signal)) isListed ||= upload.uploadId === uploadId;
    await this.#abortOne({ ...place, uploadId }, signal);
    return isListed;
  }
}
