import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PipelineProcess } from '../services/pipeline-process.ts';
import { waitFor } from '../services/wait.ts';
import { BUCKET, type Enforcing, enforcingStores } from './enforcing.ts';
import { actionsOf, documentedPolicies, type Policy, type Statement, without } from './policies.ts';

const RECORDS = 200;
const { data, state } = documentedPolicies();

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

for (const [name, storeOf] of enforcingStores) {
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
