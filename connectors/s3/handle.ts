import { z } from 'zod';
import { SluiceError, type VersionedCodec } from '../../core/spi.ts';

/** A part as it was sent. */
export interface SentPart {
  readonly etag: string;
  readonly bytes: number;
  /** Base64; undefined when checksums are off. */
  readonly crc32?: string | undefined;
}

/** The right to make one upload the object of its key. All that committing needs, except credentials. */
export interface S3Handle {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  /** In the object’s metadata: proves that an object under the key is this one. */
  readonly token: string;
  readonly bytes: number;
  /** In order, numbered from 1. */
  readonly parts: readonly SentPart[];
  /** Wall time, to tell people how old an upload was that is gone. */
  readonly begunAtMs: number;
}

const part = z.strictObject({ etag: z.string(), bytes: z.int().min(0), crc32: z.string().optional() });
const version1 = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  uploadId: z.string(),
  token: z.string(),
  bytes: z.int().min(0),
  begunAtMs: z.number(),
  parts: z.array(part).min(1),
});

export const s3Handles: VersionedCodec<S3Handle> = {
  version: 1,
  encode: ({ bucket, key, uploadId, token, bytes, begunAtMs, parts }) => ({
    ...{ bucket, key, uploadId, token, bytes, begunAtMs },
    parts: parts.map(({ etag, bytes, crc32 }) => (crc32 === undefined ? { etag, bytes } : { etag, bytes, crc32 })),
  }),
  decode: (version, value) => {
    if (version === 1) return version1.parse(value);
    throw new SluiceError('config', 'S3_HANDLE_VERSION', {
      message: `a staged upload was recorded in version ${version}, this version of Sluice reads up to 1`,
      help: 'Run the version of Sluice that wrote it, or a newer one.',
    });
  },
};
