import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Retrier } from '../../../connectors/s3/retry.ts';
import { SdkApi } from '../../../connectors/s3/sdk-api.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import type { S3Response } from '../../../testing/s3/http.ts';
import { serveS3 } from '../../../testing/s3/server.ts';
import { apiOn, BUCKET, newModel, settingsOf } from './support/scene.ts';
import { plainly, VirtualScene, virtualRun } from './support/virtual-run.ts';

const SOURCE = { valueBytes: 100, partitions: 2, rate: 10 };
const FROM_MS = 5_000;
const LASTS_MS = 300_000;
const STOP_MS = 600_000;

/** Every request is answered so, or fails so, for five minutes. */
const hard =
  (struck: () => S3Response) =>
  (env: { nowMs: number }): S3Exchange =>
  async (label, effect) =>
    env.nowMs >= FROM_MS && env.nowMs < FROM_MS + LASTS_MS ? struck() : await plainly(label, effect);

/** Every partition has each sequence from 0 on, once. */
function mustBeExact(lines: readonly string[], recordsMin: number): void {
  assert.ok(lines.length >= recordsMin, `${lines.length} lines`);
  const sequences = new Map<number, number[]>();
  for (const line of lines) {
    const { partition, sequence } = JSON.parse(line) as { partition: number; sequence: number };
    sequences.set(partition, [...(sequences.get(partition) ?? []), sequence]);
  }
  for (const found of sequences.values())
    assert.deepEqual(
      found.sort((a, b) => a - b),
      found.map((_, index) => index),
    );
}

const unreachable = (): never => {
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
};

for (const { what, struck, restartsMax } of [
  { what: 'throttles everything', struck: () => refusal('SlowDown'), restartsMax: 0 },
  { what: 'answers everything with 500', struck: () => refusal('InternalError'), restartsMax: 20 },
  { what: 'cannot be reached', struck: unreachable, restartsMax: 20 },
]) {
  test(`a store that ${what} for five minutes is asked seldom, and nothing is lost or repeated`, async () => {
    const model = newModel();
    let asked = 0;
    const exchangeIn = hard(() => {
      asked++;
      return struck();
    });

    const ran = await virtualRun(model, { source: SOURCE, stopAtMs: STOP_MS, exchangeIn });

    mustBeExact(ran.lines, ((STOP_MS - LASTS_MS) / 1_000) * SOURCE.rate * 0.9);
    assert.ok(asked >= 5 && asked <= LASTS_MS / 1_000, `${asked} requests`);
    assert.ok(ran.restarts <= restartsMax, `${ran.restarts} restarts`);
    await virtualRun(model, { source: SOURCE, stopAtMs: 5_000, pid: 2 });
    assert.deepEqual(model.uploads(BUCKET), []);
  });
}

test('a bucket that is deleted while a pipeline writes ends it at once, by its name', async () => {
  const model = newModel();
  const scene = new VirtualScene(model, {
    source: SOURCE,
    exchangeIn: (env) => async (label, effect) => {
      if (env.nowMs > 20_000) model.deleteBucket(BUCKET);
      return await plainly(label, effect);
    },
  });

  await assert.rejects(scene.run(), { kind: 'config', code: 'S3_NO_SUCH_BUCKET', help: /Create the bucket lake/ });

  assert.ok(scene.env.nowMs < 30_000, `${scene.env.nowMs} ms`);
});

test('the longest prefix, topic and name of a pipeline give keys that S3 takes', async () => {
  const model = newModel();
  const prefix = `${'ü'.repeat(100)}/${'#?%+ &='.repeat(44)}abc`;
  assert.equal(Buffer.byteLength(prefix), 512);

  const ran = await virtualRun(model, {
    source: { ...SOURCE, topic: `${'t'.repeat(245)}._-1`, count: 20 },
    sink: { prefix },
    name: 'p'.repeat(63),
  });

  assert.equal(ran.files, model.objects(BUCKET, `${prefix}/ttt`).length);
  mustBeExact(
    model.objects(BUCKET, `${prefix}/ttt`).flatMap(([, { body }]) => body.toString().split('\n').slice(0, -1)),
    20,
  );
});

test('a key that a store does not take is a matter of settings', async () => {
  const api = apiOn(newModel({ intervene: () => refusal('KeyTooLongError') }));

  await assert.rejects(api.createUpload({ bucket: BUCKET, key: 'k' }, { metadata: {}, attributes: {} }), {
    kind: 'config',
    code: 'S3_BAD_NAME',
  });
});

test('a connection that is cut in the middle of a part is another one’s chance, and the bytes are whole', async (t) => {
  const model = newModel();
  let cuts = 3;
  const server = await serveS3({
    model,
    faultOf: (label) =>
      label.startsWith('s3.UploadPart ') && cuts-- > 0 ? { kind: 'resetBefore', bodyBytes: 1_000_000 } : undefined,
  });
  t.after(() => server.close());
  const api = new SdkApi({ settings: settingsOf({ endpoint: server.endpoint }) });
  const retrier = new Retrier(systemEnv());
  const place = { bucket: BUCKET, key: 'raw/a' };
  const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 251));
  const uploadId = await api.createUpload(place, { metadata: {}, attributes: {} });
  let sent = 0;

  const tag = await retrier.run(() => {
    sent++;
    return api.uploadPart({ ...place, uploadId, number: 1 }, body);
  }, new AbortController().signal);
  await api.completeUpload({ ...place, uploadId }, [tag]);

  assert.equal(sent, 4);
  assert.ok(model.objects(BUCKET)[0]?.[1].body.equals(body));
});
