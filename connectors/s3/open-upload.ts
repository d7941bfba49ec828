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
  /** What has to follow all of it, where it is no whole file, in order. */
  readonly journal?: readonly TailPiece[] | undefined;
  /** Of parts and tail. */
  readonly bytes: number;
}

export type OpenUploadState = OpenPartState<OpenUpload>;

const pieces = z.array(z.strictObject({ key: z.string(), from: z.int().min(0), bytes: z.int().min(1) }));
const version1 = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  token: z.string(),
  upload: z
    .strictObject({ uploadId: z.string(), begunAtMs: z.number() })
    .nullable()
    .transform((upload) => upload ?? undefined),
  parts: z.array(partSchema),
  tail: pieces,
  journal: pieces.optional(),
  bytes: z.int().min(0),
});

export const openUploadStates: VersionedCodec<OpenUploadState> = openPartStates({
  version: 1,
  encode: ({ bucket, key, token, upload, parts, tail, journal, bytes }: OpenUpload) => ({
    ...{ bucket, key, token, bytes },
    upload: upload === undefined ? null : { uploadId: upload.uploadId, begunAtMs: upload.begunAtMs },
    parts: parts.map(encodePart),
    tail: tail.map(encodePiece),
    ...(journal !== undefined && { journal: journal.map(encodePiece) }),
  }),
  decode: (_version, value) => version1.parse(value),
});

function encodePiece({ key, from, bytes }: TailPiece) {
  return { key, from, bytes };
}
