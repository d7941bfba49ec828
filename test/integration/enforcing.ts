import type { TestContext } from 'node:test';
import type { S3Request } from '../../testing/s3/http.ts';
import { S3Model } from '../../testing/s3/model.ts';
import { serveS3 } from '../../testing/s3/server.ts';
import { testS3 } from '../services/s3.ts';
import { S3Bucket } from '../services/s3-bucket.ts';
import { keysLimitedTo } from '../services/s3-keys.ts';
import { s3Client } from '../services/s3-server.ts';
import { type Policy, refusedBy } from './policies.ts';

/** As in the README. */
export const BUCKET = 'lake';

/** A store that lets keys do what their policy allows. */
export interface Enforcing {
  readonly endpoint: string;
  /** Values of `credentials` for keys with this policy. */
  keysFor(policy: Policy): Promise<object>;
  put(key: string, text: string): Promise<void>;
  /** Every key, seen or hidden. */
  keys(): Promise<string[]>;
  /** Every line below the sink's prefix. */
  lines(): Promise<string[]>;
  /** Uploads that are still open; undefined where the store does not tell. */
  uploads(): Promise<number | undefined>;
}

const isVisible = (key: string) => !key.split('/').some((name) => /^[._]/.test(name));
const linesOf = (texts: readonly string[]) => texts.flatMap((text) => text.split('\n').slice(0, -1));

/** The model, with policies as AWS documents them. */
async function modelled(t: TestContext): Promise<Enforcing> {
  const policies = new Map<string, Policy>();
  const intervene = (request: S3Request, operation: Parameters<typeof refusedBy>[2]) => {
    const accessKeyId = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (accessKeyId === 'owner') return undefined;
    const policy = policies.get(accessKeyId) ?? { Version: '', Statement: [] };
    return refusedBy(policy, request, operation, (_bucket, key) => model.bucket(BUCKET).get(key) !== undefined);
  };
  const model: S3Model = new S3Model({ buckets: [BUCKET], intervene, nowMs: Date.now });
  const server = await serveS3({ model });
  t.after(() => server.close());
  return {
    endpoint: server.endpoint,
    async keysFor(policy) {
      const accessKeyId = `key-${policies.size}`;
      policies.set(accessKeyId, policy);
      return { accessKeyId, secretAccessKey: 'secret' };
    },
    async put(key, text) {
      const client = s3Client({ endpoint: server.endpoint, accessKeyId: 'owner', secretAccessKey: 'secret' });
      await client.putObject({ Bucket: BUCKET, Key: key, Body: text }).finally(() => client.destroy());
    },
    keys: async () => model.objects(BUCKET).map(([key]) => key),
    async lines() {
      const visible = model.objects(BUCKET, 'raw/clicks/').filter(([key]) => isVisible(key));
      return linesOf(visible.map(([, { body }]) => body.toString()));
    },
    uploads: async () => model.uploads(BUCKET).length,
  };
}

async function minio(t: TestContext): Promise<Enforcing | undefined> {
  const server = await testS3(t, ['minio']);
  if (server === undefined) return undefined;
  t.after(() => server.stop());
  const bucket = await S3Bucket.create(server, BUCKET);
  t.after(() => bucket.client.destroy());
  return {
    endpoint: server.endpoint,
    keysFor: (policy) => keysLimitedTo(policy, server),
    put: (key, text) => bucket.put(key, text),
    keys: () => bucket.keys(),
    async lines() {
      const visible = (await bucket.keys('raw/clicks/')).filter(isVisible);
      return linesOf(await Promise.all(visible.map((key) => bucket.text(key))));
    },
    uploads: async () => undefined,
  };
}

/** MinIO takes minutes to build and is there only when asked for. */
export const enforcingStores: [name: string, storeOf: typeof minio][] = [['the model', modelled]];
if (process.env.SLUICE_TEST_S3_ALL) enforcingStores.push(['MinIO', minio]);
