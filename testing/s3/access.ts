import type { Bucket } from './bucket.ts';
import { S3Refusal } from './errors.ts';
import { isoTime, type S3Request } from './http.ts';
import type { Operation } from './operations.ts';

/** What a policy allows or denies (IAM actions of Amazon S3). */
export type Action =
  | 's3:AbortMultipartUpload'
  | 's3:CreateBucket'
  | 's3:DeleteBucket'
  | 's3:DeleteObject'
  | 's3:GetBucketLocation'
  | 's3:GetBucketVersioning'
  | 's3:GetLifecycleConfiguration'
  | 's3:GetObject'
  | 's3:ListAllMyBuckets'
  | 's3:ListBucket'
  | 's3:ListBucketMultipartUploads'
  | 's3:ListMultipartUploadParts'
  | 's3:PutObject'
  | 's3:PutObjectAcl'
  | 's3:PutObjectTagging';

const ACTION_OF: Record<Operation, Action> = {
  ListBuckets: 's3:ListAllMyBuckets',
  CreateBucket: 's3:CreateBucket',
  HeadBucket: 's3:ListBucket',
  DeleteBucket: 's3:DeleteBucket',
  GetBucketLocation: 's3:GetBucketLocation',
  GetBucketVersioning: 's3:GetBucketVersioning',
  GetBucketLifecycleConfiguration: 's3:GetLifecycleConfiguration',
  ListObjectsV2: 's3:ListBucket',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  DeleteObjects: 's3:DeleteObject',
  PutObject: 's3:PutObject',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  DeleteObject: 's3:DeleteObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  ListParts: 's3:ListMultipartUploadParts',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
};

export const actionOf = (operation: Operation): Action => ACTION_OF[operation];

const SKEW_MS_MAX = 15 * 60_000;

/** Throws `S3Refusal` when a policy that denies `denied` refuses the request. */
export function checkAllowed(request: S3Request, operation: Operation, denied: ReadonlySet<Action>): void {
  const needed = [ACTION_OF[operation]];
  if (request.headers['x-amz-acl'] !== undefined) needed.push('s3:PutObjectAcl');
  if (request.headers['x-amz-tagging'] !== undefined) needed.push('s3:PutObjectTagging');
  const action = needed.find((one) => denied.has(one));
  if (action === undefined) return;
  throw new S3Refusal('AccessDenied', {
    message: `User: arn:aws:iam::000000000000:user/model is not authorized to perform: ${action} on resource: "arn:aws:s3:::${request.path.slice(1)}"`,
  });
}

/** Who may not list a bucket does not learn from reads what is missing there (GetObject, HeadObject: Permissions). */
export function hidesMissing(operation: Operation, denied: ReadonlySet<Action>): boolean {
  return (operation === 'GetObject' || operation === 'HeadObject') && denied.has('s3:ListBucket');
}

/** Throws `S3Refusal` when the request was signed for another region than the bucket's. */
export function checkRegion({ headers }: S3Request, bucket: Bucket): void {
  const region = credentialOf(headers)?.region;
  if (region === undefined || region === bucket.region) return;
  throw new S3Refusal('PermanentRedirect', {
    fields: [
      ['Endpoint', `s3.${bucket.region}.amazonaws.com`],
      ['Bucket', bucket.name],
    ],
    headers: { 'x-amz-bucket-region': bucket.region },
  });
}

/** Throws `S3Refusal` unless the credentials are known and still good. */
export function checkCredentials(
  { headers }: S3Request,
  known: ReadonlySet<string> | undefined,
  expired: ReadonlySet<string>,
): void {
  const accessKeyId = credentialOf(headers)?.accessKeyId;
  if (known !== undefined && accessKeyId === undefined) throw new S3Refusal('AccessDenied');
  if (accessKeyId === undefined) return;
  if (known !== undefined && !known.has(accessKeyId))
    throw new S3Refusal('InvalidAccessKeyId', { fields: [['AWSAccessKeyId', accessKeyId]] });
  if (expired.has(accessKeyId)) throw new S3Refusal('ExpiredToken');
}

/** Throws `S3Refusal` when the request was signed too long before or after `nowMs`. */
export function checkTime({ headers }: S3Request, nowMs: number): void {
  const signed = headers['x-amz-date'];
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signed ?? '');
  if (signed === undefined || parts === null) return;
  const [, year, month, day, hour, minute, second] = parts;
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Math.abs(signedMs - nowMs) <= SKEW_MS_MAX) return;
  throw new S3Refusal('RequestTimeTooSkewed', {
    fields: [
      ['RequestTime', signed],
      ['ServerTime', isoTime(nowMs)],
      ['MaxAllowedSkewMilliseconds', SKEW_MS_MAX],
    ],
  });
}

function credentialOf(headers: S3Request['headers']): { accessKeyId: string; region: string } | undefined {
  const [, accessKeyId, region] = /Credential=([^/]+)\/\d+\/([^/]+)\/s3\//.exec(headers.authorization ?? '') ?? [];
  return accessKeyId === undefined || region === undefined ? undefined : { accessKeyId, region };
}
