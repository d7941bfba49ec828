import type { ListMultipartUploadsCommandOutput, S3 } from '@aws-sdk/client-s3';
import { S3Output } from '../../testing/ledger/index.ts';
import { type S3Place, s3Client } from './s3-server.ts';

/** An upload that was neither completed nor aborted. */
export interface OpenUpload {
  key: string;
  uploadId: string;
}

/** A bucket and what a test wants to know of it. */
export class S3Bucket {
  readonly name: string;
  readonly place: S3Place;
  readonly client: S3;

  private constructor(place: S3Place, name: string) {
    this.place = place;
    this.name = name;
    this.client = s3Client(place);
  }

  static async create(place: S3Place, name: string): Promise<S3Bucket> {
    const bucket = new S3Bucket(place, name);
    await bucket.client.createBucket({ Bucket: name });
    return bucket;
  }

  /** What a reader sees below a prefix. */
  output(prefix: string): S3Output {
    return new S3Output({ client: this.client, bucket: this.name, prefix });
  }

  async keys(prefix = '', startAfter = ''): Promise<string[]> {
    const keys: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await this.client.listObjectsV2({
        Bucket: this.name,
        Prefix: prefix,
        ...(startAfter === '' ? {} : { StartAfter: startAfter }),
        ContinuationToken,
      });
      for (const { Key = '' } of page.Contents ?? []) keys.push(Key);
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return keys;
  }

  async text(key: string): Promise<string> {
    const { Body } = await this.client.getObject({ Bucket: this.name, Key: key });
    return (await Body?.transformToString()) ?? '';
  }

  async put(key: string, body: string): Promise<void> {
    await this.client.putObject({ Bucket: this.name, Key: key, Body: Buffer.from(body) });
  }

  async delete(key: string): Promise<void> {
    await this.client.deleteObject({ Bucket: this.name, Key: key });
  }

  /** Begins an upload and leaves it. */
  async startUpload(key: string): Promise<OpenUpload> {
    const { UploadId: uploadId = '' } = await this.client.createMultipartUpload({ Bucket: this.name, Key: key });
    return { key, uploadId };
  }

  /** Whether the server lists uploads by prefix. MinIO does not: there nobody finds what was left behind. */
  async listsUploads(): Promise<boolean> {
    const { key, uploadId } = await this.startUpload('listed/or-not');
    const listed = await this.uploads('listed/');
    await this.client.abortMultipartUpload({ Bucket: this.name, Key: key, UploadId: uploadId });
    return listed.length > 0;
  }

  /** Whether a read below a key, as if it were a directory, ends in an error of the server (s3proxy). */
  async failsBelowKeys(): Promise<boolean> {
    await this.put('below', 'x');
    const status = await this.client.getObject({ Bucket: this.name, Key: 'below/it' }).then(
      () => 200,
      ({ $metadata }) => $metadata?.httpStatusCode,
    );
    await this.delete('below');
    return status >= 500;
  }

  /** Uploads that are still open, whoever began them. */
  async uploads(prefix = ''): Promise<OpenUpload[]> {
    const uploads: OpenUpload[] = [];
    let KeyMarker: string | undefined;
    for (;;) {
      // By key alone: versitygw refuses the upload marker that it has given itself.
      const request = { Bucket: this.name, Prefix: prefix, KeyMarker };
      const page: ListMultipartUploadsCommandOutput = await this.client.listMultipartUploads(request);
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) uploads.push({ key: Key, uploadId: UploadId });
      if (!page.IsTruncated) return uploads;
      KeyMarker = page.NextKeyMarker;
    }
  }

  /** Removes everything in it and the bucket itself. */
  async remove(): Promise<void> {
    const Bucket = this.name;
    try {
      for (const { key, uploadId } of await this.uploads())
        await this.client.abortMultipartUpload({ Bucket, Key: key, UploadId: uploadId });
      const keys = await this.keys();
      for (let at = 0; at < keys.length; at += 1000) {
        const Objects = keys.slice(at, at + 1000).map((Key) => ({ Key }));
        await this.client.deleteObjects({ Bucket, Delete: { Objects, Quiet: true } });
      }
      await this.client.deleteBucket({ Bucket });
    } finally {
      this.client.destroy();
    }
  }
}
