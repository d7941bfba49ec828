import assert from 'node:assert/strict';
import { test } from 'node:test';
import { S3Error, type S3Reason } from '../../../connectors/s3/errors.ts';
import { planRetry, Retrier } from '../../../connectors/s3/retry.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';

const failure = (reason: S3Reason) => new S3Error(reason, 'unavailable', 'TEST', { message: reason });
const never = new AbortController().signal;

/** Fails with these reasons in turn, then succeeds. */
function failing(...reasons: S3Reason[]) {
  const atMs: number[] = [];
  const call = (nowMs: number) => async () => {
    atMs.push(nowMs);
    const reason = reasons.shift();
    if (reason !== undefined) throw failure(reason);
    return 'done';
  };
  return { atMs, call };
}

test('answers that say no are not asked for twice', async () => {
  const answers: S3Reason[] = [
    'preconditionFailed',
    'noSuchKey',
    'noSuchUpload',
    'noSuchBucket',
    'invalidPart',
    'denied',
    'notImplemented',
    'refused',
  ];
  for (const reason of answers) assert.deepEqual(planRetry({ reason }, 1, 0.5), { kind: 'giveUp' }, reason);
});

test('pauses grow, stay bounded, and differ between two that fail together', () => {
  const pauses = (reason: S3Reason, random: number) =>
    Array.from({ length: 7 }, (_, index) => {
      const plan = planRetry({ reason }, index + 1, random);
      return plan.kind === 'giveUp' ? -1 : plan.pauseMs;
    });

  assert.deepEqual(pauses('unknown', 0.999999999).map(Math.round), [100, 200, 400, 800, 1600, 3200, 5000]);
  assert.deepEqual(pauses('throttled', 0), [125, 250, 500, 1000, 2000, 4000, 8000]);
  assert.notDeepEqual(pauses('unknown', 0.2), pauses('unknown', 0.8));
});

test('an outage of some seconds is sat out, a longer one ends the run', async () => {
  const { env, run } = bench();
  const short = failing('unknown', 'unknown', 'unknown', 'unknown', 'unknown');
  const long = failing(...Array<S3Reason>(8).fill('unknown'));

  assert.equal(await run(short), 'done');
  await assert.rejects(run(long), { reason: 'unknown' });

  assert.equal(short.atMs.length, 6);
  assert.equal(long.atMs.length, 8);
  assert.ok(env.nowMs < 30_000, `${env.nowMs} ms`);
});

test('a store that asks to come slower for minutes gets there', async () => {
  const { env, run } = bench();
  const slow = failing(...Array<S3Reason>(20).fill('throttled'));

  assert.equal(await run(slow), 'done');

  assert.ok(env.nowMs > 180_000, `${env.nowMs} ms`);
});

test('when one request is asked to come slower, all do', async () => {
  const { env, retrier, run } = bench();
  const [first, second] = [failing('throttled', 'throttled', 'throttled'), failing()];
  const one = retrier.run(() => first.call(env.nowMs)(), never);
  await env.settle();

  const other = run(second);
  await env.run(Promise.all([one, other]));

  assert.ok((second.atMs[0] as number) >= 187, `sent after ${second.atMs[0]} ms`);
});

test('who waits already waits on when another is asked again to come slower', async () => {
  const { env, retrier } = bench();
  retrier.slowDown(1_000);
  const waiting = retrier.pace(never);
  await env.advance(900);
  retrier.slowDown(20_000);

  await env.run(waiting);

  assert.ok(env.nowMs >= 20_900, `${env.nowMs} ms`);
});

test('waiting ends with the signal', async () => {
  const { env, retrier } = bench();
  const controller = new AbortController();
  const waiting = retrier.run(async () => {
    throw failure('throttled');
  }, controller.signal);
  await env.settle();

  controller.abort(new Error('over'));

  await assert.rejects(env.run(waiting), { message: 'over' });
});

test('what is not a failure of the store is not repeated', async () => {
  const { env, retrier } = bench();
  let calls = 0;
  const broken = retrier.run(async () => {
    calls++;
    throw new Error('a bug');
  }, never);

  await assert.rejects(env.run(broken), { message: 'a bug' });
  assert.equal(calls, 1);
});

function bench() {
  const env = new VirtualEnv();
  const retrier = new Retrier(env.env);
  const run = (script: ReturnType<typeof failing>) => env.run(retrier.run(() => script.call(env.nowMs)(), never));
  return { env, retrier, run };
}
