import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { CallOptions } from '../../core/spi.ts';
import { crc32Base64 } from './checksum.ts';
import { requestMsFor } from './client.ts';
import { isS3Error } from './errors.ts';
import { numbered } from './handle.ts';
import type {
  ByteRange,
  LifecycleRule,
  ListedPart,
  ListedUpload,
  ObjectAttributes,
  ObjectHead,
  ObjectPlace,
  Page,
  PartTag,
  S3Api,
  UploadPlace,
  Versioning,
} from './s3-api.ts';
import { extraPermissions, kept } from './sdk-attributes.ts';
import { readLifecycle, readServerTime, readVersioning } from './sdk-bucket.ts';
import { SdkConnection, type SdkOptions } from './sdk-connection.ts';

/** The port on the AWS SDK. */
export class SdkApi implements S3Api {
  readonly #connection: SdkConnection;

  constructor(options: SdkOptions) {
    this.#connection = new SdkConnection(options);
  }

  async putIfAbsent(place: ObjectPlace, body: Uint8Array, { signal }: CallOptions = {}): Promise<'created' | 'exists'> {
    const doing = { doing: 'write', permission: 's3:PutObject' };
    // A request may be on its way longer than the caller keeps its memory.
    const copy = Buffer.from(body);
    const put = (crc32: string | undefined) =>
      this.#connection.send(doing, place, signal, (client, options) =>
        client.send(new PutObjectCommand({ ...named(place), Body: copy, IfNoneMatch: '*', ...sum(crc32) }), {
          ...options,
          requestTimeout: requestMsFor(copy.length),
        }),
      );
    try {
      await this.#connection.withChecksum(crc32Base64(copy), put);
      return 'created';
    } catch (error) {
      if (isS3Error(error, 'preconditionFailed')) return 'exists';
      throw error;
    }
  }

  async get(
    place: ObjectPlace,
    { signal, range }: CallOptions & { range?: ByteRange | undefined } = {},
  ): Promise<Uint8Array | undefined> {
    const doing = { doing: 'read', permission: 's3:GetObject' };
    const get = this.#connection.send(doing, place, signal, async (client, options) => {
      const Range = range && `bytes=${range.from}-${range.from + range.bytes - 1}`;
      const { Body } = await client.send(new GetObjectCommand({ ...named(place), Range }), options);
      return Body === undefined ? new Uint8Array() : await Body.transformToByteArray();
    });
    return await this.#unlessMissing(place, get, signal);
  }

  async head(place: ObjectPlace, { signal }: CallOptions = {}): Promise<ObjectHead | undefined> {
    const doing = { doing: 'look at', permission: 's3:GetObject' };
    const head = this.#connection.send(doing, place, signal, async (client, options) => {
      const { ContentLength = 0, Metadata = {} } = await client.send(new HeadObjectCommand(named(place)), options);
      return { bytes: ContentLength, metadata: Metadata };
    });
    return await this.#unlessMissing(place, head, signal);
  }

  async delete(place: ObjectPlace, { signal }: CallOptions = {}): Promise<void> {
    const doing = { doing: 'delete', permission: 's3:DeleteObject' };
    await orAbsent(
      this.#connection.send(doing, place, signal, (client, options) =>
        client.send(new DeleteObjectCommand(named(place)), options),
      ),
    );
  }

  async listKeys(query: Parameters<S3Api['listKeys']>[0], { signal }: CallOptions = {}): Promise<Page<string>> {
    const { bucket, prefix, startAfter, next, keysMax } = query;
    const doing = { doing: 'list', permission: 's3:ListBucket' };
    const input = {
      ...{ Bucket: bucket, Prefix: prefix, ContinuationToken: next, MaxKeys: keysMax },
      StartAfter: startAfter === '' ? undefined : startAfter,
    };
    const page = await this.#connection.send(doing, { bucket, key: prefix }, signal, (client, options) =>
      client.send(new ListObjectsV2Command(input), options),
    );
    const items = (page.Contents ?? []).flatMap(({ Key }) => Key ?? []);
    return { items, next: page.IsTruncated === true ? page.NextContinuationToken : undefined };
  }

  async createUpload(
    place: ObjectPlace,
    { metadata, attributes }: { metadata: Readonly<Record<string, string>>; attributes: ObjectAttributes },
    { signal }: CallOptions = {},
  ): Promise<string> {
    const doing = {
      doing: 'begin an upload of',
      permission: ['s3:PutObject', ...extraPermissions(attributes)].join(', '),
    };
    const create = (crc32: string | undefined) =>
      this.#connection.send(doing, place, signal, (client, options) =>
        client.send(
          new CreateMultipartUploadCommand({
            ...named(place),
            Metadata: { ...metadata },
            ...kept(attributes),
            ...(crc32 === undefined ? {} : { ChecksumAlgorithm: 'CRC32' }),
          }),
          options,
        ),
      );
    const { UploadId } = await this.#connection.withChecksum('CRC32', create);
    if (UploadId !== undefined) return UploadId;
    throw this.#connection.garbled('the answer names no upload', doing, place);
  }

  async uploadPart(
    { number, ...place }: UploadPlace & { number: number },
    body: Buffer,
    { signal }: CallOptions = {},
  ): Promise<PartTag> {
    const doing = { doing: `send part ${number} of`, permission: 's3:PutObject' };
    const crc32 = this.#connection.sendsChecksums ? crc32Base64(body) : undefined;
    const { ETag } = await this.#connection.send(doing, place, signal, (client, options) =>
      client.send(
        new UploadPartCommand({
          ...{ ...named(place), UploadId: place.uploadId, PartNumber: number, Body: body, ContentLength: body.length },
          ...sum(crc32),
        }),
        { ...options, requestTimeout: requestMsFor(body.length) },
      ),
    );
    if (ETag !== undefined) return { etag: ETag, crc32 };
    throw this.#connection.garbled('the answer has no ETag', doing, place);
  }

  async completeUpload(place: UploadPlace, parts: readonly PartTag[], { signal }: CallOptions = {}): Promise<void> {
    const doing = { doing: 'complete the upload of', permission: 's3:PutObject' };
    const Parts = numbered(parts).map(({ number, etag, crc32 }) => ({
      ...{ PartNumber: number, ETag: etag },
      ...sum(crc32),
    }));
    await this.#connection.send(doing, place, signal, (client, options) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...{ ...named(place), UploadId: place.uploadId, MultipartUpload: { Parts } },
        }),
        options,
      ),
    );
  }

  async abortUpload(place: UploadPlace, { signal }: CallOptions = {}): Promise<void> {
    const doing = { doing: 'abort an upload of', permission: 's3:AbortMultipartUpload' };
    await orAbsent(
      this.#connection.send(doing, place, signal, (client, options) =>
        client.send(new AbortMultipartUploadCommand({ ...named(place), UploadId: place.uploadId }), options),
      ),
    );
  }

  async listUploads(
    { bucket, prefix, next }: Parameters<S3Api['listUploads']>[0],
    { signal }: CallOptions = {},
  ): Promise<Page<ListedUpload>> {
    const doing = { doing: 'list uploads below', permission: 's3:ListBucketMultipartUploads' };
    const marker = next === undefined ? undefined : (JSON.parse(next) as [key: string, uploadId: string]);
    const input = { Bucket: bucket, Prefix: prefix, KeyMarker: marker?.[0], UploadIdMarker: marker?.[1] };
    const page = await this.#connection.send(doing, { bucket, key: prefix }, signal, (client, options) =>
      client.send(new ListMultipartUploadsCommand(input), options),
    );
    const items = (page.Uploads ?? []).flatMap(({ Key, UploadId, Initiated }) =>
      Key === undefined || UploadId === undefined
        ? []
        : { bucket, key: Key, uploadId: UploadId, begunAtMs: Initiated?.getTime() },
    );
    const hasMore = page.IsTruncated === true && page.NextKeyMarker !== undefined;
    return { items, next: hasMore ? JSON.stringify([page.NextKeyMarker, page.NextUploadIdMarker]) : undefined };
  }

  async listParts(
    { next, ...place }: UploadPlace & { next?: string | undefined },
    { signal }: CallOptions = {},
  ): Promise<Page<ListedPart>> {
    const doing = { doing: 'list the parts of', permission: 's3:ListMultipartUploadParts' };
    const input = { ...named(place), UploadId: place.uploadId, PartNumberMarker: next };
    const page = await this.#connection.send(doing, place, signal, (client, options) =>
      client.send(new ListPartsCommand(input), options),
    );
    const items = (page.Parts ?? []).map(({ PartNumber = 0, Size = 0, ETag = '', ChecksumCRC32 }) => ({
      ...{ number: PartNumber, bytes: Size, etag: ETag, crc32: ChecksumCRC32 },
    }));
    return { items, next: page.IsTruncated === true ? page.NextPartNumberMarker : undefined };
  }

  async lifecycleRules(bucket: string, { signal }: CallOptions = {}): Promise<LifecycleRule[]> {
    const doing = { doing: 'read the lifecycle rules of', permission: 's3:GetLifecycleConfiguration' };
    const read = this.#connection.send(doing, { bucket, key: '' }, signal, (client, options) =>
      readLifecycle(client, bucket, options),
    );
    return (await orAbsent(read)) ?? [];
  }

  async versioning(bucket: string, { signal }: CallOptions = {}): Promise<Versioning> {
    const doing = { doing: 'read the versioning of', permission: 's3:GetBucketVersioning' };
    return await this.#connection.send(doing, { bucket, key: '' }, signal, (client, options) =>
      readVersioning(client, bucket, options),
    );
  }

  async serverTimeMs({ bucket, prefix }: { bucket: string; prefix: string }, { signal }: CallOptions = {}) {
    const doing = { doing: 'list', permission: 's3:ListBucket' };
    return await this.#connection.send(doing, { bucket, key: prefix }, signal, (client, options) =>
      readServerTime(client, { bucket, prefix }, options),
    );
  }

  /** Whoever may list only below a prefix is told 403 of an object that does not exist, and has to ask by a listing. */
  async #unlessMissing<T>(
    { bucket, key }: ObjectPlace,
    call: Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (isS3Error(error, 'noSuchKey')) return undefined;
      if (!isS3Error(error, 'denied')) throw error;
      const { items } = await this.listKeys({ bucket, prefix: key, keysMax: 1 }, { signal });
      if (items[0] === key) throw error;
      return undefined;
    }
  }
}

/** What does not exist is an answer, not a failure. */
async function orAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isS3Error(error, 'noSuchKey', 'noSuchUpload')) return undefined;
    throw error;
  }
}

const named = ({ bucket, key }: ObjectPlace) => ({ Bucket: bucket, Key: key });
const sum = (crc32: string | undefined) => (crc32 === undefined ? {} : { ChecksumCRC32: crc32 });
