import { type Action, checkAllowed, checkCredentials, checkRegion, checkTime, hidesMissing } from './access.ts';
import { type Behaviour, STRICT } from './behaviour.ts';
import { Bucket, type StoredObject, type Upload } from './bucket.ts';
import { bucketLifecycle, bucketLocation, bucketVersioning, headBucket, listBuckets } from './buckets.ts';
import { notModelled, S3Refusal } from './errors.ts';
import { emptyAnswer, httpTime, NO_BODY, type S3Request, type S3Response } from './http.ts';
import { requireKnownHeaders } from './kept-headers.ts';
import { listObjects, listParts, listUploads } from './listing.ts';
import { type Context, deleteObject, deleteObjects, getObject, headObject, putObject } from './objects.ts';
import { type Operation, type Target, targetOf } from './operations.ts';
import { md5Hex } from './payload.ts';
import { abortUpload, completeUpload, createUpload, uploadPart } from './uploads.ts';

export interface S3ModelOptions {
  /** Buckets that are there from the start, in `region`. */
  readonly buckets?: readonly string[];
  readonly region?: string;
  readonly behaviour?: Partial<Behaviour>;
  /** The access keys that exist. Without it every key will do, and none. */
  readonly accessKeyIds?: readonly string[];
  /** The time of the store. Without it every request comes a millisecond after the last. */
  readonly nowMs?: () => number;
  /** Asked before a request takes effect: its answer stands in for the model's (429, 500, `refusal('SlowDown')`, ...). */
  readonly intervene?: (request: S3Request, operation: Operation | undefined) => S3Response | undefined;
}

const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Operations with a bucket that has to exist. */
const ANSWERS: Record<
  Exclude<Operation, 'ListBuckets' | 'CreateBucket' | 'DeleteBucket' | 'CreateMultipartUpload'>,
  (context: Context) => S3Response
> = {
  HeadBucket: headBucket,
  GetBucketLocation: bucketLocation,
  GetBucketVersioning: bucketVersioning,
  GetBucketLifecycleConfiguration: bucketLifecycle,
  ListObjectsV2: listObjects,
  ListMultipartUploads: listUploads,
  DeleteObjects: deleteObjects,
  PutObject: putObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  UploadPart: uploadPart,
  ListParts: listParts,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
};

/**
 * An S3 store without sockets, time or chance: it answers a request at once, as strictly as AWS documents it, and what it does
 * not know it refuses with 501. The same requests get the same answers, byte by byte.
 */
export class S3Model {
  /** May be changed while it runs. */
  readonly behaviour: Behaviour;
  /** Actions that a policy denies; may be changed while it runs. */
  readonly denied = new Set<Action>();
  /** Access keys whose session has run out; may be changed while it runs. */
  readonly expiredAccessKeyIds = new Set<string>();
  /** How many requests of each kind have arrived. */
  readonly requestCounts = new Map<Operation | 'unknown', number>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #options: S3ModelOptions;
  readonly #accessKeyIds: ReadonlySet<string> | undefined;
  #requests = 0;
  #uploads = 0;
  #etags = 0;

  constructor(options: S3ModelOptions = {}) {
    this.#options = options;
    this.behaviour = { ...STRICT, ...options.behaviour };
    this.#accessKeyIds = options.accessKeyIds && new Set(options.accessKeyIds);
    for (const name of options.buckets ?? []) this.createBucket(name, options.region);
  }

  answer(request: S3Request): S3Response {
    const nowMs = this.#options.nowMs?.() ?? EPOCH_MS + this.#requests;
    this.#requests++;
    const answered = this.#answered(request, nowMs);
    const headers = {
      ...answered.headers,
      date: httpTime(nowMs),
      'x-amz-request-id': this.#requests.toString(16).toUpperCase().padStart(16, '0'),
    };
    // An answer to HEAD says how long the body would be, and what is wrong only by its status.
    return { status: answered.status, headers, body: request.method === 'HEAD' ? NO_BODY : answered.body };
  }

  // What happens to the store.

  createBucket(name: string, region = 'us-east-1'): Bucket {
    const bucket = new Bucket(name, region);
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** With everything in it, as no client could. */
  deleteBucket(name: string): void {
    this.#buckets.delete(name);
  }

  /** A lifecycle rule aborts every upload under way whose key has the prefix. */
  expireUploads(bucketName: string, prefix = ''): void {
    const { uploads } = this.bucket(bucketName);
    for (const { id, key } of uploads.values()) if (key.startsWith(prefix)) uploads.delete(id);
  }

  /** What `assemblesLater` has held back is there now. */
  finishAssembly(bucketName: string): void {
    const bucket = this.bucket(bucketName);
    for (const { key, object } of bucket.assembling.splice(0)) bucket.put(key, object);
  }

  // What is in it.

  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new Error(`there is no bucket ${name}`);
    return bucket;
  }

  /** Every object whose key has the prefix, by key. */
  objects(bucketName: string, prefix = ''): [key: string, object: StoredObject][] {
    return this.bucket(bucketName).list(prefix);
  }

  /** Every upload under way, by key. */
  uploads(bucketName: string): Upload[] {
    return this.bucket(bucketName).listUploads();
  }

  #answered(request: S3Request, nowMs: number): S3Response {
    try {
      const target = targetOf(request);
      const kind = target.operation ?? 'unknown';
      this.requestCounts.set(kind, (this.requestCounts.get(kind) ?? 0) + 1);
      const answer = this.#attempted(request, target, nowMs);
      const isLate = this.behaviour.completeErrorsInBody && target.operation === 'CompleteMultipartUpload';
      return isLate && answer.status >= 400 ? { ...answer, status: 200 } : answer;
    } catch (error) {
      if (error instanceof S3Refusal) return error.answer(request.path);
      throw error;
    }
  }

  #attempted(request: S3Request, target: Target, nowMs: number): S3Response {
    try {
      const intervened = this.#options.intervene?.(request, target.operation);
      return intervened ?? this.#effect(request, target, nowMs);
    } catch (error) {
      if (error instanceof S3Refusal) return error.answer(request.path);
      throw error;
    }
  }

  #effect(request: S3Request, { operation, bucket: name, key }: Target, nowMs: number): S3Response {
    if (operation === undefined)
      throw notModelled(`${request.method} with ${Object.keys(request.query).join(', ') || 'no query'}`);
    if (this.behaviour.checksRequestTime) checkTime(request, nowMs);
    checkCredentials(request, this.#accessKeyIds, this.expiredAccessKeyIds);
    requireKnownHeaders(request);
    const bucket = this.#buckets.get(name);
    if (operation === 'ListBuckets' || operation === 'CreateBucket') {
      checkAllowed(request, operation, this.denied);
      return operation === 'ListBuckets' ? listBuckets(this.#buckets.values()) : this.#made(request, name, bucket);
    }
    if (bucket === undefined) throw new S3Refusal('NoSuchBucket', { fields: [['BucketName', name]] });
    checkRegion(request, bucket);
    checkAllowed(request, operation, this.denied);
    if (operation === 'DeleteBucket') return this.#removed(bucket);

    const { behaviour } = this;
    const etagOf = (body: Buffer) => (behaviour.opaqueETags ? md5Hex(`opaque ${++this.#etags}`) : md5Hex(body));
    const context: Context = { request, bucket, key, behaviour, nowMs, etagOf };
    if (operation === 'CreateMultipartUpload') return createUpload(context, this.#newUploadId());
    if (hidesMissing(operation, this.denied) && bucket.get(key) === undefined) throw new S3Refusal('AccessDenied');
    return ANSWERS[operation](context);
  }

  #made(request: S3Request, name: string, existing: Bucket | undefined): S3Response {
    if (existing !== undefined) throw new S3Refusal('BucketAlreadyOwnedByYou', { fields: [['BucketName', name]] });
    const region = /<LocationConstraint>([^<]+)</.exec(request.body.toString())?.[1];
    this.createBucket(name, region ?? this.#options.region);
    return emptyAnswer(200, { location: `/${name}` });
  }

  #removed(bucket: Bucket): S3Response {
    if (!bucket.isEmpty) throw new S3Refusal('BucketNotEmpty', { fields: [['BucketName', bucket.name]] });
    this.#buckets.delete(bucket.name);
    return emptyAnswer(204);
  }

  /** Sorts by age; as long as those of AWS. */
  #newUploadId(): string {
    const number = String(++this.#uploads).padStart(12, '0');
    return `${number}.${md5Hex(number)}${md5Hex(`${number}.`)}${md5Hex(`.${number}`)}`;
  }
}
