import { type Env, type OrphanReport, type OrphanScope, type Owner, toSluiceError } from '../../core/spi.ts';
import { formatPartName, isPartOf, parsePartName } from '../filesink/part-name.ts';
import type { Retrier } from './retry.ts';
import type { S3Api, UploadPlace } from './s3-api.ts';

/** Between aborts: 50 a second leave the store to the pipelines that are at work. */
const PAUSE_MS = 20;
const PROBE_DIRECTORY = '_sluice';

export interface OrphansOptions {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly api: S3Api;
  readonly retrier: Retrier;
  readonly owner: Owner & { readonly epoch: number };
  readonly env: Pick<Env, 'timers' | 'log'>;
}

/** Uploads that nobody will complete: aborts those of older incarnations, deciding by the name alone. */
export class Orphans {
  readonly #options: OrphansOptions;
  #provedListing = false;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** Leaves alone what is in `keep`, what is not this owner's, and what is not older than the scope says. */
  async abort(scope: OrphanScope, keep: ReadonlySet<string>, signal: AbortSignal): Promise<OrphanReport> {
    const { env } = this.#options;
    if (!this.#provedListing) await this.#proveListing(signal);
    const aborted: string[] = [];
    let kept = 0;
    for await (const upload of this.#list(signal)) {
      const name = upload.key.slice(upload.key.lastIndexOf('/') + 1);
      const part = parsePartName(name);
      if (part === undefined || !isPartOf(scope, part)) continue;
      const isOrphan = part.epoch < scope.epochBelow && !keep.has(upload.uploadId);
      if (isOrphan && (await this.#abortOne(upload, signal))) aborted.push(upload.key);
      else kept++;
      if (isOrphan) await env.timers.sleep(PAUSE_MS, { signal });
    }
    return { aborted, kept };
  }

  async *#list(signal: AbortSignal): AsyncGenerator<UploadPlace> {
    const { bucket, root, api, retrier } = this.#options;
    for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
      const query = { bucket, prefix: root, next };
      const page = await retrier.run(() => api.listUploads(query, { signal }), signal);
      yield* page.items;
      next = page.next;
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
  async #proveListing(signal: AbortSignal): Promise<void> {
    const { bucket, root, api, retrier, owner, env } = this.#options;
    const name = formatPartName({ ...owner, counter: 0, extension: 'probe' });
    const place = { bucket, key: `${root}${PROBE_DIRECTORY}/${name}` };
    const probe = { metadata: {}, attributes: {} };
    const uploadId = await retrier.run(() => api.createUpload(place, probe, { signal }), signal);
    let isListed = false;
    for await (const upload of this.#list(signal)) isListed ||= upload.uploadId === uploadId;
    await this.#abortOne({ ...place, uploadId }, signal);
    this.#provedListing = true;
    if (isListed) return;
    env.log.warn(
      'this store does not list uploads by prefix, so what crashed runs leave behind cannot be found: set a lifecycle rule ' +
        'that aborts incomplete uploads (AbortIncompleteMultipartUpload) after some days, more than any outage may last',
      { bucket, prefix: root },
    );
  }
}
