import assert from 'node:assert/strict';
import { test } from 'node:test';
import { datagen } from '../../../connectors/datagen/index.ts';
import { S3Sink } from '../../../connectors/s3/sink.ts';
import { S3Store } from '../../../connectors/s3/store.ts';
import { pipeline } from '../../../core/index.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import type { S3Model } from '../../../testing/s3/model.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { apiOn, BUCKET, newModel, settingsOf, visibleIn } from './support/scene.ts';

const LATENCY_MS = 2;
/** When the client gives up on an answer. */
const REQUEST_MS = 120_000;
/** How many requests in a row a fault befalls. */
const TIMES = 3;
const RESTART_MS_MAX = 5_000;
/** The claim, its probe, its look-ups of what it got no answer to, and the search for orphans. */
const REQUESTS_OF_A_START_MAX = 32;

const REQUESTS = {
  create: /^s3\.CreateMultipartUpload .*\.ndjson/,
  uploadPart: /^s3\.UploadPart /,
  complete: /^s3\.CompleteMultipartUpload /,
  'put slot': /^s3\.PutObject .*\/\d{12}\.json$/,
  list: /^s3\.ListObjectsV2 /,
  head: /^s3\.HeadObject /,
};

type Struck = (env: VirtualEnv, effect: Parameters<S3Exchange>[1]) => ReturnType<S3Exchange>;

const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
const timedOut = () => Object.assign(new Error('no answer'), { name: 'TimeoutError', code: 'ETIMEDOUT' });

const FAULTS: Record<string, Struck> = {
  429: async () => ({ ...refusal('SlowDown'), status: 429 }),
  500: async () => refusal('InternalError'),
  503: async () => refusal('SlowDown'),
  'reset before': async () => {
    throw reset();
  },
  'reset after': async (_env, effect) => {
    effect();
    throw reset();
  },
  slow: async ({ env }, effect) => {
    await env.timers.sleep(REQUEST_MS / 4);
    const answer = effect();
    await env.timers.sleep(REQUEST_MS / 4);
    return answer;
  },
  'lost response': async ({ env }, effect) => {
    effect();
    await env.timers.sleep(REQUEST_MS);
    throw timedOut();
  },
};

const FILES = {
  'small files': { count: 40, valueBytes: 100, partitions: 2 },
  'files of several parts': { count: 12, valueBytes: 1024 * 1024, partitions: 1 },
};

type Files = keyof typeof FILES;

/** The whole engine with S3 on both ends, until its source is read to the end. */
async function run(
  model: S3Model,
  files: Files,
  { pid = 1, exchangeIn = () => plainly }: RunOptions = {},
): Promise<Ran> {
  const env = new VirtualEnv({ pid });
  let requests = 0;
  const answer = exchangeIn(env);
  const exchange: S3Exchange = async (label, effect) => {
    requests++;
    await env.env.timers.sleep(LATENCY_MS);
    return await answer(label, effect);
  };
  const api = apiOn(model, { exchange });
  const settings = settingsOf({ partBytes: '5MiB', roll: { records: 10_000 } });
  const running = pipeline({
    name: 'matrix',
    source: datagen({ ...FILES[files], rate: 10 }),
    sink: new S3Sink({ settings, api }),
    checkpoints: { interval: '2s', store: new S3Store({ bucket: BUCKET, prefix: '_sluice', api }) },
  }).run({ env: env.env });
  await env.run(running);
  const lines = [...visibleIn(model).values()].flat().sort();
  return {
    lines,
    requests,
    ms: env.nowMs,
    restarts: env.counters.get('restarts') ?? 0,
    files: env.counters.get('files'),
  };
}

interface RunOptions {
  readonly pid?: number;
  readonly exchangeIn?: (env: VirtualEnv) => S3Exchange;
}

interface Ran {
  readonly lines: readonly string[];
  readonly requests: number;
  readonly ms: number;
  readonly restarts: number;
  readonly files: number | undefined;
}

const plainly: S3Exchange = async (_label, effect) => effect();

// The AWS client makes parts of itself at its first request, which takes real time.
await apiOn(newModel()).listKeys({ bucket: BUCKET, prefix: '' });

for (const files of Object.keys(FILES) as Files[]) {
  const undisturbed = await run(newModel(), files);
  for (const [request, pattern] of Object.entries(REQUESTS)) {
    test(`${files} are exact whatever befalls ${TIMES} requests to ${request} in a row`, async () => {
      for (const [fault, struck] of Object.entries(FAULTS)) {
        const model = newModel();
        let left = TIMES;
        const exchangeIn =
          (env: VirtualEnv): S3Exchange =>
          async (label, effect) => {
            if (left === 0 || !pattern.test(label)) return effect();
            left--;
            return await struck(env, effect);
          };

        const ran = await run(model, files, { exchangeIn });

        assert.ok(left < TIMES, `${fault}: struck`);
        assert.deepEqual(ran.lines, undisturbed.lines, fault);
        assert.equal(ran.files, visibleIn(model).size, `${fault}: every file is settled once, and none is lost`);
        assert.ok(ran.restarts <= TIMES, `${fault}: ${ran.restarts} restarts`);
        assert.ok(ran.ms <= undisturbed.ms + TIMES * (REQUEST_MS + RESTART_MS_MAX), `${fault}: ${ran.ms} ms`);
        const extra = ran.requests - undisturbed.requests;
        assert.ok(extra <= 3 * TIMES + ran.restarts * REQUESTS_OF_A_START_MAX, `${fault}: ${extra} more requests`);
        const next = await run(model, files, { pid: 2 });
        assert.deepEqual(next.lines, undisturbed.lines, fault);
        assert.deepEqual(model.uploads(BUCKET), [], `${fault}: the next start leaves no upload`);
      }
    });
  }
}
