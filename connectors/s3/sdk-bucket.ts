import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  ListObjectsV2Command,
  type S3Client,
  type LifecycleRule as SdkRule,
} from '@aws-sdk/client-s3';
import type { LifecycleRule, Versioning } from './s3-api.ts';

interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

/** Throws what the SDK throws, also when there is no configuration. */
export async function readLifecycle(client: S3Client, bucket: string, options: SendOptions): Promise<LifecycleRule[]> {
  const { Rules = [] } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }), options);
  return Rules.filter(({ Status }) => Status === 'Enabled').map(ruleOf);
}

export async function readVersioning(client: S3Client, bucket: string, options: SendOptions): Promise<Versioning> {
  const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: bucket }), options);
  if (Status === undefined) return 'never';
  return Status === 'Enabled' ? 'enabled' : 'suspended';
}

/** What the SDK does not hand out: the `Date` of an answer. */
export async function readServerTime(
  client: S3Client,
  { bucket, prefix }: { bucket: string; prefix: string },
  options: SendOptions,
): Promise<number | undefined> {
  const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 });
  let date: string | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      date = (result.response as { headers?: Readonly<Record<string, string>> }).headers?.date;
      return result;
    },
    { step: 'deserialize', name: 'readDate', priority: 'low' },
  );
  await client.send(command, options);
  // biome-ignore lint/style/noRestrictedGlobals: reads a date, not the clock
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(ms) ? undefined : ms;
}

function ruleOf({ ID, Prefix, Filter, AbortIncompleteMultipartUpload, Expiration, Transitions }: SdkRule, at: number) {
  const both = Filter?.And;
  return {
    id: ID ?? `number ${at + 1}`,
    prefix: both?.Prefix ?? Filter?.Prefix ?? Prefix ?? '',
    isForTagged: Filter?.Tag !== undefined || (both?.Tags ?? []).length > 0,
    abortAfterDays: AbortIncompleteMultipartUpload?.DaysAfterInitiation,
    expires: expiryOf(Expiration),
    movesTo: (Transitions ?? []).flatMap(({ StorageClass }) => StorageClass ?? []),
  } satisfies LifecycleRule;
}

/** A rule that removes delete markers has neither days nor a date. */
function expiryOf(expiration: SdkRule['Expiration']): string | undefined {
  if (expiration?.Days !== undefined) return `after ${expiration.Days} days`;
  return expiration?.Date === undefined ? undefined : `on ${expiration.Date.toISOString().slice(0, 10)}`;
}
