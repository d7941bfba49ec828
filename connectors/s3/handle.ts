import { z } from 'zod';
import { SluiceError, type VersionedCodec } from '../../core/spi.ts';

/** A part as it was sent. */
export interface SentPart {
  /** From 1; left out where it follows the one before. */
  readonly number?: number | undefined;
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
  /** In order. */
  readonly parts: readonly SentPart[];
  /** Wall time, to tell people how old an upload was that is gone. */
  readonly begunAtMs: number;
}

const partOfVersion1 = z.strictObject({ etag: z.string(), bytes: z.int().min(0), crc32: z.string().optional() });
export const partSchema = partOfVersion1.extend({ number: z.int().min(1).optional() });
const version1 = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  uploadId: z.string(),
  token: z.string(),
  bytes: z.int().min(0),
  begunAtMs: z.number(),
  parts: z.array(partOfVersion1).min(1),
});
/** Parts may have numbers of their own. */
const version2 = version1.extend({ parts: z.array(partSchema).min(1) });

export function encodePart({ number, etag, bytes, crc32 }: SentPart) {
  return {
    ...(number === undefined ? {} : { number }),
    ...{ etag, bytes },
    ...(crc32 === undefined ? {} : { crc32 }),
  };
}

/** The number that S3 has for each part. */
export function numbered<P extends Pick<SentPart, 'number'>>(parts: readonly P[]): (P & { number: number })[] {
  return parts.map((part, index) => ({ ...part, number: part.number ?? index + 1 }));
}

export const s3Handles: VersionedCodec<S3Handle> = {
  version: 2,
  encode: ({ bucket, key, uploadId, token, bytes, begunAtMs, parts }) => ({
    ...{ bucket, key, uploadId, token, bytes, begunAtMs },
    parts: parts.map(encodePart),
  }),
  decode: (version, value) => {
    if (version === 1) return version1.parse(value);
    if (version === 2) return version2.parse(value);
    throw new SluiceError('config', 'S3_HANDLE_VERSION', {
      message: `a staged upload was recorded in version ${version}, this version of Sluice reads up to 2`,
      help: 'Run the version of Sluice that wrote it, or a newer one.',
    });
  },
};
