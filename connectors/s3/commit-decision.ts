import type { SluiceError } from '../../core/spi.ts';
import { numbered, type S3Handle } from './handle.ts';
import type { PartTag } from './s3-api.ts';

/** What came of asking to complete an upload. */
export type CompleteAnswer =
  | { readonly kind: 'notAsked' }
  /** The store says that it is done; some say so whatever the key shows. */
  | { readonly kind: 'completed' }
  /** No such upload: completed before, aborted, expired, or being assembled right now. */
  | { readonly kind: 'uploadGone' }
  /** The upload is there, and its parts are not what was sent. */
  | { readonly kind: 'partsChanged'; readonly part: number }
  /** No answer, or one that says nothing. */
  | { readonly kind: 'unknown'; readonly cause: SluiceError }
  /** The answer was no, for a reason that says nothing of the upload: permissions, a missing bucket. */
  | { readonly kind: 'refused'; readonly cause: SluiceError };

/** What lies under the key. */
export type Seen =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'object'; readonly bytes: number; readonly token: string | undefined }
  | { readonly kind: 'unknown'; readonly cause: SluiceError };

export type CommitDecision =
  | { readonly kind: 'complete' }
  | { readonly kind: 'committed' }
  | { readonly kind: 'alreadyCommitted' }
  | { readonly kind: 'retry'; readonly cause: SluiceError }
  /** Something that is not this file has the key, and the upload may still be there. */
  | { readonly kind: 'occupied' }
  /** Something that is not this file has the key, and the upload is gone. */
  | { readonly kind: 'replaced' }
  /** Neither an upload that can be completed nor the object. Believed only once it stays so. */
  | { readonly kind: 'missing'; readonly why: 'completedAndTaken' | 'uploadGone' | 'partsChanged' };

/** What is true of a handle, from nothing but what the store has said about its upload and its key, in this order. */
export function decideCommit(
  { token, bytes }: Pick<S3Handle, 'token' | 'bytes'>,
  answer: CompleteAnswer,
  seen: Seen,
): CommitDecision {
  if (seen.kind === 'unknown') return { kind: 'retry', cause: seen.cause };
  if (seen.kind === 'object') {
    const isOurs = seen.token === token && seen.bytes === bytes;
    if (isOurs) return isDoneByUs(answer) ? { kind: 'committed' } : { kind: 'alreadyCommitted' };
    return mayStillBeThere(answer) ? { kind: 'occupied' } : { kind: 'replaced' };
  }
  switch (answer.kind) {
    case 'notAsked':
      return { kind: 'complete' };
    case 'completed':
      return { kind: 'missing', why: 'completedAndTaken' };
    case 'uploadGone':
      return { kind: 'missing', why: 'uploadGone' };
    case 'partsChanged':
      return { kind: 'missing', why: 'partsChanged' };
    case 'unknown':
    case 'refused':
      return { kind: 'retry', cause: answer.cause };
  }
}

function isDoneByUs({ kind }: CompleteAnswer): boolean {
  return kind === 'completed' || kind === 'unknown';
}

function mayStillBeThere({ kind }: CompleteAnswer): boolean {
  return kind === 'notAsked' || kind === 'unknown' || kind === 'refused';
}

/** The parts that the store lists, under the tags it lists them by, if they are the ones that were sent. */
export function sameParts(
  sent: S3Handle['parts'],
  listed: readonly { number: number; bytes: number; etag: string; crc32?: string | undefined }[],
): { kind: 'same'; parts: PartTag[] } | { kind: 'changed'; part: number } {
  const byNumber = new Map(listed.map((part) => [part.number, part]));
  const parts: PartTag[] = [];
  for (const { number, etag, bytes, crc32 } of numbered(sent)) {
    const found = byNumber.get(number);
    // An encrypted part has another ETag each time it is sent, so its checksum counts first.
    const isSame =
      found !== undefined &&
      found.bytes === bytes &&
      (crc32 === undefined || found.crc32 === undefined ? found.etag === etag : found.crc32 === crc32);
    if (!isSame) return { kind: 'changed', part: number };
    parts.push({ number, etag: found.etag, crc32 });
  }
  return { kind: 'same', parts };
}
