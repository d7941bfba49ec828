import type { DiagnosisContext, Finding } from '../../core/spi.ts';
import { judgeClock } from './clock.ts';
import { costTable } from './cost.ts';
import { isS3Error } from './errors.ts';
import { judgeCheckpoints, judgeStaging } from './lifecycle.ts';
import { SET_A_RULE, UNLISTED } from './orphans.ts';
import { NEEDS, Permissions } from './permissions.ts';
import type { LifecycleRule, ObjectAttributes, S3Api, UploadPlace } from './s3-api.ts';

/** Where something is kept, and the way there. */
export interface DiagnosedPlace {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly api: S3Api;
}

export interface DiagnosedSink extends DiagnosedPlace {
  /** How files are kept, which may need permissions of its own. */
  readonly attributes: ObjectAttributes;
}

/** What a run needs to write files, tried with uploads that are begun and aborted; and what it will cost. */
export async function* diagnoseSink(sink: DiagnosedSink, context: DiagnosisContext): AsyncGenerator<Finding> {
  const { bucket, root } = sink;
  const may = new Permissions(bucket, root);
  yield* reach(sink, may, context);
  const isListed = await tryUploads(sink, may, context);
  const isReadable = await tryReading(sink, may, context);
  yield* may.findings();
  if (isReadable === undefined) yield UNTRIED;
  if (isListed !== undefined) yield judgeListing(isListed);
  yield* withRules(sink, context, (rules) => [judgeStaging(rules, bucket, root)]);
  yield {
    level: 'note',
    what: 'requests and their price (S3 Standard, files of one part, checkpoints on S3 too, records in every checkpoint):',
    table: costTable(context.checkpointIntervalMs),
  };
}

/** What a run needs to keep checkpoints, tried with one object that is made and deleted below the pipeline's own prefix. */
export async function* diagnoseStore(store: DiagnosedPlace, context: DiagnosisContext): AsyncGenerator<Finding> {
  const { bucket, root } = store;
  const own = { ...store, root: `${root}${context.pipeline}/` };
  const may = new Permissions(bucket, root);
  yield* reach(own, may, context);
  await tryObject(own, may, context);
  yield* may.findings();
  yield* withRules(own, context, (rules) => judgeCheckpoints(rules, bucket, own.root));
  yield* versioningOf(own, context);
}

/** Throws when the bucket is not there or nobody answers. */
async function* reach(
  { bucket, root, api }: DiagnosedPlace,
  may: Permissions,
  { env, signal }: DiagnosisContext,
): AsyncGenerator<Finding> {
  const askedMs = env.clock.nowMs();
  const listed = await may.try(NEEDS.list, () => api.serverTimeMs({ bucket, prefix: root }, { signal }));
  if (listed === undefined) return;
  yield { level: 'good', what: `bucket ${bucket} answers` };
  // The answer was on its way for a while; half of it is near enough.
  const localMs = (askedMs + env.clock.nowMs()) / 2;
  if (listed.answer !== undefined) yield judgeClock(listed.answer - localMs);
}

/** Whether an upload is to be seen by the prefix; undefined when that could not be tried. */
async function tryUploads(
  { bucket, root, api, attributes }: DiagnosedSink,
  may: Permissions,
  { env, pipeline, signal }: DiagnosisContext,
): Promise<boolean | undefined> {
  const place = { bucket, key: `${root}_sluice/${pipeline}-doctor-${env.ids.hex(8)}.probe` };
  const begun: UploadPlace[] = [];
  const begin = async (kept: ObjectAttributes) => {
    const uploadId = await api.createUpload(place, { metadata: {}, attributes: kept }, { signal });
    begun.push({ ...place, uploadId });
    return uploadId;
  };
  const created = await may.try(NEEDS.put, () => begin({}));
  // Denied, it never was: whoever may ask about it is told so.
  const upload = { ...place, uploadId: created?.answer ?? 'none' };
  try {
    const extra = NEEDS.keepAs(attributes);
    if (created !== undefined) {
      await may.try(NEEDS.put, () => api.uploadPart({ ...upload, number: 1 }, Buffer.from('probe'), { signal }));
      if (extra !== undefined) await may.try(extra, () => begin(attributes));
    }
    await may.try(NEEDS.listParts, () => unlessGone(api.listParts(upload, { signal })));
    const seen = await may.try(NEEDS.listUploads, () => isListed(upload, root, api, signal));
    return created === undefined ? undefined : seen?.answer;
  } finally {
    for (const one of [upload, ...begun.slice(1)]) await may.try(NEEDS.abort, () => api.abortUpload(one, { signal }));
  }
}

async function isListed(upload: UploadPlace, root: string, api: S3Api, signal: AbortSignal): Promise<boolean> {
  for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
    const page = await api.listUploads({ bucket: upload.bucket, prefix: root, next }, { signal });
    if (page.items.some(({ uploadId }) => uploadId === upload.uploadId)) return true;
    next = page.next;
  }
  return false;
}

/** Undefined when there is nothing to read yet: who may only list below a prefix is told "denied" of what does not exist. */
async function tryReading(
  { bucket, root, api }: DiagnosedPlace,
  may: Permissions,
  { signal }: DiagnosisContext,
): Promise<boolean | undefined> {
  const page = await api.listKeys({ bucket, prefix: root, keysMax: 1 }, { signal }).catch(onlyDenied);
  const key = page?.items[0];
  if (key === undefined) return undefined;
  return (await may.try(NEEDS.read, () => api.head({ bucket, key }, { signal }))) !== undefined;
}

async function tryObject(
  { bucket, root, api }: DiagnosedPlace,
  may: Permissions,
  { env, signal }: DiagnosisContext,
): Promise<void> {
  const place = { bucket, key: `${root}_probe-${env.ids.hex(8)}-0.json` };
  const made = await may.try(NEEDS.put, () => api.putIfAbsent(place, Buffer.from('{"probe":0}\n'), { signal }));
  if (made !== undefined) await may.try(NEEDS.readSlot, () => api.get(place, { signal }));
  await may.try(NEEDS.remove, () => api.delete(place, { signal }));
}

function judgeListing(isPrefixEnough: boolean): Finding {
  if (isPrefixEnough) return { level: 'good', what: 'uploads are listed by prefix, so that orphans are found' };
  return {
    level: 'warning',
    what: UNLISTED,
    help:
      `To be safe, ${SET_A_RULE}. MinIO by itself aborts uploads after 24 h (stale_uploads_expiry), and so what an ` +
      'outage that lasts longer has left to commit.',
  };
}

const UNTRIED: Finding = {
  level: 'note',
  what: 's3:GetObject was not tried: there is no object to be seen yet',
  help: 'Ask again after the first checkpoint.',
};

async function* withRules(
  { bucket, api }: DiagnosedPlace,
  { signal }: DiagnosisContext,
  judge: (rules: readonly LifecycleRule[]) => Finding[],
): AsyncGenerator<Finding> {
  const rules = await api.lifecycleRules(bucket, { signal }).catch(onlyRefused);
  if (rules !== undefined) yield* judge(rules);
  else yield unread('lifecycle rules', 's3:GetLifecycleConfiguration', bucket);
}

async function* versioningOf(
  { bucket, root, api }: DiagnosedPlace,
  { signal }: DiagnosisContext,
): AsyncGenerator<Finding> {
  const versioning = await api.versioning(bucket, { signal }).catch(onlyRefused);
  if (versioning === undefined) yield unread('versioning', 's3:GetBucketVersioning', bucket);
  if (versioning !== 'enabled') return;
  yield {
    level: 'note',
    what: `bucket ${bucket} keeps versions: deleted checkpoints stay as old ones, and are paid for`,
    help: `Set a lifecycle rule on ${root} that removes noncurrent versions (NoncurrentVersionExpiration) after some days.`,
  };
}

/** Not to be allowed to look, or a store that has no such thing, is no fault. */
function unread(what: string, permission: string, bucket: string): Finding {
  return {
    level: 'note',
    what: `the ${what} of bucket ${bucket} cannot be read, so nothing is known of them`,
    help: `To have them looked at, allow ${permission} on arn:aws:s3:::${bucket}, where the store knows it.`,
  };
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  return await call.catch((error: unknown) => {
    if (isS3Error(error, 'noSuchUpload')) return undefined;
    throw error;
  });
}

function onlyDenied(error: unknown): undefined {
  if (!isS3Error(error, 'denied')) throw error;
}

function onlyRefused(error: unknown): undefined {
  if (!isS3Error(error, 'denied', 'notImplemented', 'refused')) throw error;
}
