import { assert, type Env } from '../../core/spi.ts';
import { type Ended, endOrLose, Missing } from '../filesink/open-state.ts';
import { type PartNames, parsePartName } from '../filesink/part-name.ts';
import { endOpen } from '../formats/end-open.ts';
import { isS3Error } from './errors.ts';
import type { S3Handle, SentPart } from './handle.ts';
import type { OpenUpload } from './open-upload.ts';
import { PARTS_MAX } from './part-size.ts';
import type { Retrier } from './retry.ts';
import type { ObjectAttributes, S3Api, UploadPlace } from './s3-api.ts';
import { readPiece, type TailPiece } from './tails.ts';
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
    return await endOrLose(`s3:${open.bucket}/${open.key}`, async () => {
      const rest = await this.#readRest(open);
      const { upload } = open;
      const payload = await (upload === undefined ? this.#begin(open, rest) : this.#end({ ...open, upload }, rest));
      return { kind: 'staged', payload, bytes: payload.bytes };
    });
  }

  /** What was not sent: the tail, and what has to follow it. */
  async #readRest({ bucket, tail, journal, bytes }: OpenUpload): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#read(bucket, tail)) pieces.push(piece);
    if (journal !== undefined) pieces.push(...(await endOpen(this.#read(bucket, journal), bytes)));
    return Buffer.concat(pieces);
  }

  async *#read(bucket: string, pieces: readonly TailPiece[]): AsyncGenerator<Buffer> {
    for (const piece of pieces) yield await readPiece({ bucket, ...this.#options }, piece);
  }

  async #end(
    { bucket, key, token, upload, parts }: OpenUpload & { upload: NonNullable<OpenUpload['upload']> },
    rest: Buffer,
  ): Promise<S3Handle> {
    const place = { bucket, key, uploadId: upload.uploadId };
    const { api, retrier, signal } = this.#options;
    const number = PARTS_MAX + 1 + (this.#options.epoch % LAST_PARTS);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, rest.length);
    try {
      // With nothing to send, a list of its parts shows that the upload is still there.
      if (rest.length === 0) await retrier.run(() => api.listParts({ ...place, next: undefined }, { signal }), signal);
      const last = rest.length === 0 ? [] : [await this.#send({ ...place, number }, rest)];
      return { ...place, ...upload, token, bytes, parts: [...parts, ...last] };
    } catch (error) {
      if (!isS3Error(error, 'noSuchUpload')) throw error;
      throw new Missing(
        `upload ${upload.uploadId} is gone, most likely by a lifecycle rule (AbortIncompleteMultipartUpload)`,
      );
    }
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
