import { setTimeout as sleep } from 'node:timers/promises';
import { FileGone, type FileState, isHidden, type OutputListing } from './output.ts';

/** The part of an S3 client that the ledger uses: an `S3` of `@aws-sdk/client-s3` fits. */
export interface S3Reader {
  listObjectsV2(request: { Bucket: string; Prefix: string; ContinuationToken?: string }): Promise<S3Page>;
  getObject(request: { Bucket: string; Key: string; Range: string; IfMatch?: string }): Promise<S3Piece>;
}

interface S3Page {
  Contents?: S3Entry[] | undefined;
  NextContinuationToken?: string | undefined;
}

interface S3Entry {
  Key?: string | undefined;
  Size?: number | undefined;
  ETag?: string | undefined;
  LastModified?: Date | undefined;
}

interface S3Piece {
  Body?: { transformToByteArray(): Promise<Uint8Array> } | undefined;
  /** `bytes 0-99/1234` */
  ContentRange?: string | undefined;
  ETag?: string | undefined;
}

export interface S3OutputOptions {
  client: S3Reader;
  bucket: string;
  /** What stands before every path, without a `/` at its end; empty = the whole bucket. */
  prefix?: string;
  /** How long a server may fail to answer; a test may restart it meanwhile. */
  patienceMs?: number;
}

const pieceBytes = 8 * 1024 * 1024;
const retryEveryMs = 200;

/** An output in a bucket. */
export class S3Output implements OutputListing {
  readonly #client: S3Reader;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #patienceMs: number;

  constructor({ client, bucket, prefix = '', patienceMs = 60_000 }: S3OutputOptions) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#patienceMs = patienceMs;
  }

  async list(): Promise<string[]> {
    return (await this.look()).map(({ path }) => path);
  }

  async look(): Promise<FileState[]> {
    const files: FileState[] = [];
    const where = { Bucket: this.#bucket, Prefix: this.#prefix };
    let next: string | undefined;
    do {
      const from = next === undefined ? {} : { ContinuationToken: next };
      const page = await this.#patiently(() => this.#client.listObjectsV2({ ...where, ...from }));
      for (const { Key = '', Size = 0, ETag = '', LastModified } of page.Contents ?? []) {
        const path = Key.slice(this.#prefix.length);
        if (path.split('/').some(isHidden)) continue;
        files.push({ path, bytes: Size, version: `${ETag} ${LastModified?.getTime()}` });
      }
      next = page.NextContinuationToken;
    } while (next !== undefined);
    return files;
  }

  async *read(path: string): AsyncGenerator<Buffer> {
    const where = { Bucket: this.#bucket, Key: `${this.#prefix}${path}` };
    let version: string | undefined;
    for (let at = 0, end = 1; at < end; ) {
      const same = version === undefined ? {} : { IfMatch: version };
      const piece = await this.#piece({ ...where, Range: `bytes=${at}-${at + pieceBytes - 1}`, ...same });
      if (piece === undefined) return; // there is no first byte: it is empty
      yield piece.bytes;
      at += piece.bytes.length;
      end = piece.end;
      version = piece.version;
    }
  }

  async #piece(request: Parameters<S3Reader['getObject']>[0]) {
    try {
      // The body too, since a connection may break in the middle of it.
      return await this.#patiently(async () => {
        const { Body, ContentRange, ETag } = await this.#client.getObject(request);
        const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
        // A server that sends all of it does not say how much that is.
        const end = ContentRange === undefined ? bytes.length : Number(/\/(\d+)$/.exec(ContentRange)?.[1]);
        return { bytes, end, version: ETag };
      });
    } catch (error) {
      const status = statusOf(error);
      if (status === 416) return undefined;
      if (status === 404 || status === 412) throw new FileGone(`${request.Key} is gone`, { cause: error });
      throw error;
    }
  }

  /** Tries again for as long as the server gives no answer, or one that says that it cannot. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    const endMs = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const status = statusOf(error);
        if ((status !== undefined && status < 500 && status !== 429) || performance.now() > endMs) throw error;
      }
      await sleep(retryEveryMs);
    }
  }
}

/** The HTTP status of an answer that is an error, as the SDK hands it over; undefined when there was no answer. */
function statusOf(error: unknown): number | undefined {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return status !== undefined && status >= 300 ? status : undefined;
}
