import type { CallOptions } from '../../core/spi.ts';

/** One object: what is there, or what shall be. */
export interface ObjectPlace {
  readonly bucket: string;
  readonly key: string;
}

export interface ByteRange {
  readonly from: number;
  /** At least one. */
  readonly bytes: number;
}

/** One multipart upload: bytes that no reader sees until it is completed. */
export interface UploadPlace extends ObjectPlace {
  readonly uploadId: string;
}

/** An upload as a list shows it. */
export interface ListedUpload extends UploadPlace {
  /** By the clock of the store. */
  readonly begunAtMs?: number | undefined;
}

/** What the answer to one part says about it; completing has to name it. */
export interface PartTag {
  /** From 1; left out where it follows the one before. */
  readonly number?: number | undefined;
  readonly etag: string;
  /** Base64, when the store was given one and will want it again. */
  readonly crc32?: string | undefined;
}

/** A part as the store has it. */
export interface ListedPart extends PartTag {
  readonly number: number;
  readonly bytes: number;
}

export interface ObjectHead {
  readonly bytes: number;
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How new objects are kept; fixed when their upload is created. */
export interface ObjectAttributes {
  readonly contentType?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly acl?: string | undefined;
  readonly sse?: string | undefined;
  readonly kmsKeyId?: string | undefined;
  /** As in a query: `a=1&b=2`. */
  readonly tagging?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; undefined after the last one. */
  readonly next: string | undefined;
}

/** A lifecycle rule that is enabled, as far as it touches what Sluice keeps. */
export interface LifecycleRule {
  readonly id: string;
  /** What it applies to; empty = everything. */
  readonly prefix: string;
  /** Only objects with a tag, which uploads and slots have not. */
  readonly isForTagged: boolean;
  readonly abortAfterDays?: number | undefined;
  /** When objects expire: `after 30 days`, `on 2026-12-31`. */
  readonly expires?: string | undefined;
  /** Storage classes that objects move to. */
  readonly movesTo?: readonly string[] | undefined;
}

/** Whether a bucket keeps what is deleted or overwritten. */
export type Versioning = 'enabled' | 'suspended' | 'never';

/**
 * What Sluice needs of S3, one request per call, never repeated here. Calls reject with `S3Error`, whose `reason` says what
 * is known: only `unknown` and `throttled` leave open whether the request took effect.
 */
export interface S3Api {
  /** Writes a whole object unless the key exists (`If-None-Match: *`). */
  putIfAbsent(place: ObjectPlace, body: Uint8Array, options?: CallOptions): Promise<'created' | 'exists'>;
  /** All of it, or the bytes of a range that lie in it. Undefined when there is no such object. */
  get(place: ObjectPlace, options?: CallOptions & { range?: ByteRange | undefined }): Promise<Uint8Array | undefined>;
  head(place: ObjectPlace, options?: CallOptions): Promise<ObjectHead | undefined>;
  /** A key that does not exist is fine. */
  delete(place: ObjectPlace, options?: CallOptions): Promise<void>;
  /** Keys in byte order, from the one that follows `startAfter`, or from `next` of the page before. */
  listKeys(
    query: { bucket: string; prefix: string; startAfter?: string; next?: string | undefined; keysMax?: number },
    options?: CallOptions,
  ): Promise<Page<string>>;

  /** Begins an upload and returns its id. Sent twice it makes two; the one nobody knows of is an orphan. */
  createUpload(
    place: ObjectPlace,
    object: { metadata: Readonly<Record<string, string>>; attributes: ObjectAttributes },
    options?: CallOptions,
  ): Promise<string>;
  /** The same bytes may be sent again under the same number. */
  uploadPart(part: UploadPlace & { number: number }, body: Buffer, options?: CallOptions): Promise<PartTag>;
  /**
   * Makes the upload the object of its key. A success means that the store has said so, not that this upload is what the key
   * shows: some stores say so to any replay.
   */
  completeUpload(upload: UploadPlace, parts: readonly PartTag[], options?: CallOptions): Promise<void>;
  /** An upload that does not exist is fine. */
  abortUpload(upload: UploadPlace, options?: CallOptions): Promise<void>;
  listUploads(
    query: { bucket: string; prefix: string; next?: string | undefined },
    options?: CallOptions,
  ): Promise<Page<ListedUpload>>;
  listParts(query: UploadPlace & { next?: string | undefined }, options?: CallOptions): Promise<Page<ListedPart>>;

  // What a diagnosis looks at.

  /** Empty where none are set. */
  lifecycleRules(bucket: string, options?: CallOptions): Promise<readonly LifecycleRule[]>;
  versioning(bucket: string, options?: CallOptions): Promise<Versioning>;
  /** The wall time of the store, in whole seconds, by the answer to a list; undefined when it does not say. */
  serverTimeMs(query: { bucket: string; prefix: string }, options?: CallOptions): Promise<number | undefined>;
}
