import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import type { VirtualEnv } from '../../core/support/virtual-env.ts';
import { BUCKET, newModel, visibleIn } from './support/scene.ts';
import { virtualRun } from './support/virtual-run.ts';

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
  'small files': { count: 40, valueBytes: 100, partitions: 2, rate: 10 },
  'files of several parts': { count: 12, valueBytes: 1024 * 1024, partitions: 1, rate: 10 },
};

for (const [files, source] of Object.entries(FILES)) {
  const undisturbed = await virtualRun(newModel(), { source });
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

        const ran = await virtualRun(model, { source, exchangeIn });

        assert.ok(left < TIMES, `${fault}: struck`);
        assert.deepEqual(ran.lines, undisturbed.lines, fault);
        assert.equal(ran.files, visibleIn(model).size, `${fault}: every file is settled once, and none is lost`);
        assert.ok(ran.restarts <= TIMES, `${fault}: ${ran.restarts} restarts`);
        assert.ok(ran.ms <= undisturbed.ms + TIMES * (REQUEST_MS + RESTART_MS_MAX), `${fault}: ${ran.ms} ms`);
        const extra = ran.requests - undisturbed.requests;
        assert.ok(extra <= 3 * TIMES + ran.restarts * REQUESTS_OF_A_START_MAX, `${fault}: ${extra} more requests`);
        const next = await virtualRun(model, { source, pid: 2 });
        assert.deepEqual(next.lines, undisturbed.lines, fault);
        assert.deepEqual(model.uploads(BUCKET), [], `${fault}: the next start leaves no upload`);
      }
    });
  }
}
