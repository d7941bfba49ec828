import type { StoredObject } from './bucket.ts';
import { notModelled, S3Refusal } from './errors.ts';
import type { S3Request } from './http.ts';

/** Of PutObject, CompleteMultipartUpload and DeleteObject. Throws `S3Refusal` when a condition does not hold. */
export function checkWriteConditions({ headers }: S3Request, existing: StoredObject | undefined): void {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) {
    // AWS knows no other value here either.
    if (noneMatch !== '*') throw notModelled(`If-None-Match: ${noneMatch}`);
    if (existing !== undefined) throw failed('If-None-Match');
  }
  const match = headers['if-match'];
  if (match === undefined) return;
  if (existing === undefined) throw new S3Refusal('NoSuchKey');
  if (match !== '*' && unquoted(match) !== existing.etag) throw failed('If-Match');
}

/** Reads with conditions are for caches: a client that sends one expects something else from this model. */
export function refuseReadConditions({ headers }: S3Request): void {
  for (const name of ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'])
    if (headers[name] !== undefined) throw notModelled(`${name} of a read`);
}

/** ETags are sent with quotes, and taken without. */
export function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

function failed(condition: string): S3Refusal {
  return new S3Refusal('PreconditionFailed', { fields: [['Condition', condition]] });
}
