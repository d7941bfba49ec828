import { assert, type Env } from '../../core/spi.ts';
import type { Ended } from '../filesink/open-state.ts';
import { type PartNames, parsePartName } from '../filesink/part-name.ts';
import { isS3Error } from './errors.ts';
import type { S3Handle, SentPart } from './handle.ts';
import type { OpenUpload } from './open-upload.ts';
import { PARTS_MAX } from './part-size.ts';
import type { Retrier } from './retry.ts';
import type { ObjectAttributes, S3Api, UploadPlace } from './s3-api.ts';
import { TOKEN } from './token.ts';

/** S3 numbers parts up to 10,000: writers use those up to `PARTS_MAX`, and each incarnation after them one of its own. */
const LAST_PARTS = 999;

export interface FinisherOptions {
  readonly api: S3Api;
  readonly retrier: Retrier;
  readonly attributes: ObjectAttributes;
  /** Of this incarnation. */
  readonly epoch: number;
  readonly names: PartNames;
  readonly env: Pick<Env, 'clock' | 'ids'>;
  readonly signal: AbortSignal;
}

/**
 * Ends files that an earlier incarnation had open. Whoever began them may still send parts: they have lower numbers, and the
 * handle does not name them.
 */
export class UploadFinisher {
  readonly #options: FinisherOptions;

  constructor(options: FinisherOptions) {
    this.#options = options;
  }

  async finish(open: OpenUpload): Promise<Ended<S3Handle>> {
    const { bucket, key, token, upload, parts, bytes } = open;
    const tail = await this.#readTail(open);
    if (!Buffer.isBuffer(tail)) return tail;
    if (upload === undefined) return { kind: 'staged', payload: await this.#begin(open, tail), bytes };
    const place = { bucket, key, uploadId: upload.uploadId };
    const { api, retrier, signal } = this.#options;
    const number = PARTS_MAX + 1 + (this.#options.epoch % LAST_PARTS);
    try {
      // Without a tail nothing would be sent: that the upload is still there shows in a list of its parts.
      if (tail.length === 0) await retrier.run(() => api.listParts({ ...place, next: undefined }, { signal }), signal);
      const last = tail.length === 0 ? [] : [await this.#send({ ...place, number }, tail)];
      return { kind: 'staged', payload: { ...place, ...upload, token, bytes, parts: [...parts, ...last] }, bytes };
    } catch (error) {
      if (!isS3Error(error, 'noSuchUpload')) throw error;
      const why = `upload ${upload.uploadId} is gone, most likely by a lifecycle rule (AbortIncompleteMultipartUpload)`;
      return { kind: 'lost', place: `s3:${bucket}/${key}`, why };
    }
  }

  async #readTail({ bucket, key, tail }: OpenUpload): Promise<Buffer | Extract<Ended<S3Handle>, { kind: 'lost' }>> {
    const { api, retrier, signal } = this.#options;
    const pieces: Uint8Array[] = [];
    for (const piece of tail) {
      const read = () => api.get({ bucket, key: piece.key }, { range: piece, signal });
      const found = await retrier.run(read, signal);
      if (found?.length !== piece.bytes) {
        const what = found === undefined ? 'is gone' : 'is shorter than it was';
        return { kind: 'lost', place: `s3:${bucket}/${key}`, why: `its last bytes in ${piece.key}: that ${what}` };
      }
      pieces.push(found);
    }
    return Buffer.concat(pieces);
  }

  /** Nothing of it was sent: a new upload, under a name of this incarnation, as sweeps go by names. */
  async #begin({ bucket, key }: OpenUpload, body: Buffer): Promise<S3Handle> {
    const { api, retrier, attributes, names, env, signal } = this.#options;
    const slash = key.lastIndexOf('/') + 1;
    const { extension } = parsePartName(key.slice(slash)) ?? {};
    assert(extension !== undefined, `a state names a part: ${key}`);
    const place = { bucket, key: key.slice(0, slash) + names.next(extension) };
    const token = env.ids.hex(16);
    const create = () => api.createUpload(place, { metadata: { [TOKEN]: token }, attributes }, { signal });
    const uploadId = await retrier.run(create, signal);
    const begunAtMs = env.clock.nowMs();
    const part = await this.#send({ ...place, uploadId, number: 1 }, body);
    return { ...place, uploadId, token, begunAtMs, bytes: body.length, parts: [part] };
  }

  async #send(part: UploadPlace & { number: number }, body: Buffer): Promise<SentPart> {
    const { api, retrier, signal } = this.#options;
    const tag = await retrier.run(() => api.uploadPart(part, body, { signal }), signal);
    return { ...tag, bytes: body.length, number: part.number };
  }
}
