import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { S3Request } from '../../testing/s3/http.ts';
import { S3Model } from '../../testing/s3/model.ts';
import { serveS3 } from '../../testing/s3/server.ts';
import { PipelineProcess } from '../services/pipeline-process.ts';
import { testS3 } from '../services/s3.ts';
import { S3Bucket } from '../services/s3-bucket.ts';
import { keysLimitedTo } from '../services/s3-keys.ts';
import { waitFor } from '../services/wait.ts';
import { actionsOf, documentedPolicies, type Policy, refusedBy, type Statement, without } from './policies.ts';

/** As in the README. */
const BUCKET = 'lake';
const RECORDS = 200;
const { data, state } = documentedPolicies();

/** A store that lets keys do what their policy allows. */
interface Enforcing {
  readonly endpoint: string;
  /** Values of `credentials` for keys with this policy. */
  keysFor(policy: Policy): Promise<object>;
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
    const policy = policies.get(accessKeyId) ?? { Version: '', Statement: [] };
    return refusedBy(policy, request, operation, (_bucket, key) => model.bucket(BUCKET).get(key) !== undefined);
  };
  const model: S3Model = new S3Model({ buckets: [BUCKET], intervene });
  const server = await serveS3({ model });
  t.after(() => server.close());
  return {
    endpoint: server.endpoint,
    async keysFor(policy) {
      const accessKeyId = `key-${policies.size}`;
      policies.set(accessKeyId, policy);
      return { accessKeyId, secretAccessKey: 'secret' };
    },
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
    async lines() {
      const visible = (await bucket.keys('raw/clicks/')).filter(isVisible);
      return linesOf(await Promise.all(visible.map((key) => bucket.text(key))));
    },
    uploads: async () => undefined,
  };
}

interface Asked {
  readonly store: Enforcing;
  readonly data: Policy;
  /** Without one the state lies below the sink's prefix. */
  readonly state: Policy | undefined;
  readonly count?: number;
  readonly rate?: number;
}

/** A pipeline file whose sink and store have these policies. */
async function pipelineFile(t: TestContext, { store, data, state, count = RECORDS, rate }: Asked): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-policies-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'pipeline.yaml');
  const where = { type: 's3', bucket: BUCKET, region: 'us-east-1', endpoint: store.endpoint };
  const checkpoints =
    state === undefined ? {} : { store: { ...where, prefix: '_sluice', credentials: await store.keysFor(state) } };
  const pipeline = {
    name: `run-${randomUUID().slice(0, 13)}`,
    source: { type: 'datagen', partitions: 2, count, rate },
    sink: { ...where, prefix: 'raw/clicks', format: 'ndjson', credentials: await store.keysFor(data) },
    checkpoints: { interval: '200ms', ...checkpoints },
  };
  writeFileSync(file, JSON.stringify(pipeline));
  return file;
}

async function run(t: TestContext, file: string): Promise<PipelineProcess> {
  const pipeline = await PipelineProcess.start(file);
  t.after(() => pipeline.kill());
  return pipeline;
}

/** What becomes of it once it has ended by itself. */
async function ending(t: TestContext, asked: Asked): Promise<{ exitCode: number; log: string }> {
  const pipeline = await run(t, await pipelineFile(t, asked));
  await waitFor(() => !pipeline.running, { what: `an end; it said:\n${pipeline.log}`, timeoutMs: 20_000 });
  return { exitCode: await pipeline.exited, log: pipeline.log };
}

function mustHoldOnce(lines: readonly string[], records: number): void {
  const sequences = [new Set<number>(), new Set<number>()];
  for (const line of lines) {
    const { partition, sequence } = JSON.parse(line);
    sequences[partition]?.add(sequence);
  }
  assert.deepEqual([lines.length, sequences.map(({ size }) => size)], [records, [records / 2, records / 2]]);
}

/** Where a pipeline ends with exit code 0 without it: what it does there is not worth stopping for. */
const NOT_NEEDED_TO_WRITE = new Set([
  's3:ListBucketMultipartUploads', // orphans stay
  's3:AbortMultipartUpload', // orphans stay
  's3:ListMultipartUploadParts', // looks into parts that are not what was sent, which happens to nobody here
]);
const SAYS_NOTHING = new Set(['s3:ListMultipartUploadParts']);

/** MinIO takes minutes to build and is there only when asked for. */
const stores: [name: string, storeOf: typeof minio][] = [['the model', modelled]];
if (process.env.SLUICE_TEST_S3_ALL) stores.push(['MinIO', minio]);

for (const [name, storeOf] of stores) {
  test(`with the two policies of the README a pipeline runs on ${name}, is killed, and ends exact`, async (t) => {
    const store = await storeOf(t);
    if (store === undefined) return;
    const file = await pipelineFile(t, { store, data, state, count: 3_000, rate: 1_500 });
    for (const linesMin of [1, 1_000]) {
      const pipeline = await run(t, file);
      const holds = async () => !pipeline.running || (await store.lines()).length >= linesMin;
      await waitFor(holds, { what: `${linesMin} lines; it said:\n${pipeline.log}` });
      await pipeline.kill();
    }

    const last = await run(t, file);
    await waitFor(() => !last.running, { what: `an end; it said:\n${last.log}` });

    assert.equal(await last.exited, 0, last.log);
    assert.doesNotMatch(last.log, /AccessDenied/);
    mustHoldOnce(await store.lines(), 3_000);
    assert.ok([0, undefined].includes(await store.uploads()));
  });

  test(`one identity for data and state takes what the README says on ${name}`, async (t) => {
    const store = await storeOf(t);
    if (store === undefined) return;
    const slots = {
      Effect: 'Allow',
      Action: 's3:DeleteObject',
      Resource: `arn:aws:s3:::${BUCKET}/raw/clicks/_sluice/*`,
    };
    const both = { ...data, Statement: [...data.Statement, slots as Statement] };

    const { exitCode, log } = await ending(t, { store, data: both, state: undefined });

    assert.equal(exitCode, 0, log);
    assert.doesNotMatch(log, /AccessDenied/);
    mustHoldOnce(await store.lines(), RECORDS);
  });

  test(`each action of the two policies is needed on ${name}, and named when it is missing`, async (t) => {
    const store = await storeOf(t);
    if (store === undefined) return;
    const cases = [
      ...actionsOf(data).map((action) => ({ action, data: without(action, data), state })),
      ...actionsOf(state).map((action) => ({ action, data, state: without(action, state) })),
    ];
    for (const { action, ...policies } of cases) {
      const { exitCode, log } = await ending(t, { store, ...policies });

      const isStateful = policies.data === data;
      const what = `without ${action} for the ${isStateful ? 'state' : 'data'}:\n${log}`;
      assert.equal(exitCode, !isStateful && NOT_NEEDED_TO_WRITE.has(action) ? 0 : 2, what);
      assert.equal(new RegExp(`it takes ${action}\\b`).test(log), !SAYS_NOTHING.has(action), what);
    }
  });
}
