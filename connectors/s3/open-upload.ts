import { z } from 'zod';
import type { VersionedCodec } from '../../core/spi.ts';
import { type OpenPartState, openPartStates } from '../filesink/open-state.ts';
import { encodePart, partSchema, type SentPart } from './handle.ts';
import type { TailPiece } from './tails.ts';

/** A file that stays open: what of it is durable, and where. */
export interface OpenUpload {
  readonly bucket: string;
  readonly key: string;
  /** In the metadata of the upload, and of the object that it becomes. */
  readonly token: string;
  /** Undefined as long as no part was full. */
  readonly upload: { readonly uploadId: string; readonly begunAtMs: number } | undefined;
  /** In order, numbered from 1. */
  readonly parts: readonly SentPart[];
  /** What follows them, in order. */
  readonly tail: readonly TailPiece[];
  /** Of all of it. */
  readonly bytes: number;
}

export type OpenUploadState = OpenPartState<OpenUpload>;

const version1 = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  token: z.string(),
  upload: z
    .strictObject({ uploadId: z.string(), begunAtMs: z.number() })
    .nullable()
    .transform((upload) => upload ?? undefined),
  parts: z.array(partSchema),
  tail: z.array(z.strictObject({ key: z.string(), from: z.int().min(0), bytes: z.int().min(1) })),
  bytes: z.int().min(1),
});

export const openUploadStates: VersionedCodec<OpenUploadState> = openPartStates({
  version: 1,
  encode: ({ bucket, key, token, upload, parts, tail, bytes }: OpenUpload) => ({
    ...{ bucket, key, token, bytes },
    upload: upload === undefined ? null : { uploadId: upload.uploadId, begunAtMs: upload.begunAtMs },
    parts: parts.map(encodePart),
    tail: tail.map(({ key, from, bytes }) => ({ key, from, bytes })),
  }),
  decode: (_version, value) => version1.parse(value),
});
