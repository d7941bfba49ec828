import { z } from 'zod';
import { secret, size } from '../../core/spi.ts';
import { checkOutputSettings, outputSettings } from '../filesink/settings.ts';
import { FILE_BYTES_MAX, PART_BYTES_MIN } from './part-size.ts';

/** A key has at most 1,024 bytes; below the prefix come a directory (255) and a file name (under 170). */
const PREFIX_BYTES_MAX = 512;

const prefix = z
  .string()
  .transform((text) => text.replace(/^\/|\/$/g, ''))
  .refine((text) => Buffer.byteLength(text) <= PREFIX_BYTES_MAX, `expected at most ${PREFIX_BYTES_MAX} bytes`)
  .refine(
    (text) => text === '' || text.split('/').every((segment) => !['', '.', '..'].includes(segment)),
    'expected names joined by single slashes, for example raw/clicks',
  );

const bucket = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    'expected the name of a bucket: lower-case letters, digits, "-" and "."',
  );

/** How to reach a store, and as whom. */
export const connectionSettings = {
  region: z
    .string()
    .min(1)
    .optional()
    .describe('Where the bucket is; AWS_REGION or the profile say it when left out. Other stores take any: us-east-1.'),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected a URL, for example http://127.0.0.1:9000' })
    .optional()
    .describe('URL of a store that is not AWS.'),
  pathStyle: z
    .boolean()
    .optional()
    .describe('Bucket in the path instead of the host name; true by default when there is an endpoint.'),
  credentials: z
    .strictObject({
      accessKeyId: z.string().min(1).describe('Access key.'),
      secretAccessKey: secret().describe('Its secret.'),
      sessionToken: secret().optional().describe('For temporary keys.'),
    })
    .optional()
    .describe(
      'Keys. Without them: environment, profile, web identity, container or machine, in the order of the AWS SDK.',
    ),
  profile: z.string().min(1).optional().describe('A profile of ~/.aws/config, which may assume a role.'),
  roleArn: z
    .string()
    .min(1)
    .optional()
    .describe('Role to assume with the web identity token that AWS_WEB_IDENTITY_TOKEN_FILE names (Kubernetes).'),
  checksums: z
    .enum(['auto', 'required', 'off'])
    .prefault('auto')
    .describe(
      'CRC32 of every object and part. `auto` goes on without for a store that refuses it, `required` does not, ' +
        '`off` sends none, and no hash of bodies over plain HTTP either.',
    ),
};

export type ConnectionSettings = z.output<z.ZodObject<typeof connectionSettings>>;

/** `sink: { type: s3, ... }`. */
export const s3Settings = z
  .strictObject({
    type: z.literal('s3'),
    bucket: bucket.describe('The bucket that files go to.'),
    prefix: prefix.prefault('').describe('Where in the bucket; `directory` says how files are sorted below it.'),
    ...connectionSettings,
    ...outputSettings,
    partBytes: size({ minBytes: PART_BYTES_MIN, maxBytes: 512 * 1024 * 1024 })
      .prefault('8MiB')
      .describe(
        'A file is sent in parts of this size, which wait in memory until they are full; long files use larger ones.',
      ),
    spool: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A directory on a local disk for parts that wait while memory is short; without one the largest files are closed ' +
          'early then. Made when it does not exist.',
      ),
    sse: z
      .enum(['AES256', 'aws:kms', 'aws:kms:dsse'])
      .optional()
      .describe('Encryption at rest; what the bucket says when left out.'),
    kmsKeyId: z.string().min(1).optional().describe('Key for aws:kms.'),
    storageClass: z.string().min(1).optional().describe('For example STANDARD_IA or INTELLIGENT_TIERING.'),
    acl: z
      .enum([
        'private',
        'public-read',
        'public-read-write',
        'authenticated-read',
        'aws-exec-read',
        'bucket-owner-read',
        'bucket-owner-full-control',
      ])
      .optional()
      .describe('Canned ACL of every file.'),
    tags: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .refine((tags) => Object.keys(tags).length <= 10, 'expected at most 10 tags')
      .optional()
      .describe('Tags of every file.'),
  })
  .superRefine(checkOutputSettings)
  .superRefine(({ sse, kmsKeyId, roll, credentials, profile, roleArn }, context) => {
    const issue = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (kmsKeyId !== undefined && sse !== 'aws:kms' && sse !== 'aws:kms:dsse')
      issue(['kmsKeyId'], 'only sse aws:kms has a key');
    if (roll.bytes > FILE_BYTES_MAX && roll.bytes !== Number.MAX_SAFE_INTEGER)
      issue(['roll', 'bytes'], 'expected at most 128GiB: an S3 file has at most 10,000 parts');
    if ([credentials, profile, roleArn].filter((way) => way !== undefined).length > 1)
      issue(
        [credentials === undefined ? 'roleArn' : 'credentials'],
        'expected one of credentials, profile and roleArn',
      );
  });

/** `checkpoints.store: { type: s3, ... }`. */
export const s3StoreSettings = z.strictObject({
  type: z.literal('s3'),
  bucket: bucket.describe('The bucket that checkpoints are kept in.'),
  prefix: prefix.prefault('_sluice').describe('Where in the bucket.'),
  ...connectionSettings,
});
