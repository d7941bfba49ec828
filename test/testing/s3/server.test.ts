import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { part, put, type S3Lab, textOf } from '../../../testing/s3/cases/lab.ts';
import { S3Model } from '../../../testing/s3/model.ts';
import { serveS3 } from '../../../testing/s3/server.ts';
import type { ServerFault } from '../../../testing/server-fault.ts';
import { BUCKET, clientWith } from './support/lab.ts';

/** The first request whose label begins so meets with the fault. */
async function served(t: TestContext, labelStart: string, fault: ServerFault) {
  const model = new S3Model({ buckets: [BUCKET] });
  const labels: string[] = [];
  let isDue = true;
  const faultOf = (label: string) => {
    labels.push(label);
    if (!isDue || !label.startsWith(labelStart)) return undefined;
    isDue = false;
    return fault;
  };
  const server = await serveS3({ model, faultOf });
  t.after(() => server.close());
  const client = clientWith({
    endpoint: server.endpoint,
    requestHandler: { requestTimeout: 500, throwOnRequestTimeout: true },
  });
  t.after(() => client.destroy());
  const lab: S3Lab = { client, bucket: BUCKET };
  return { model, server, lab, labels };
}

const failure = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error) => error.code ?? error.name,
  );

test('a connection cut before leaves nothing behind', async (t) => {
  const { model, lab, labels } = await served(t, 's3.PutObject', { kind: 'resetBefore' });

  assert.equal(await failure(put(lab, 'raw/a b', 'x')), 'ECONNRESET');

  assert.deepEqual(model.objects(BUCKET), []);
  await put(lab, 'raw/a b', 'x');
  assert.deepEqual(labels, ['s3.PutObject lake/raw/a b', 's3.PutObject lake/raw/a b']);
});

test('a connection cut in the middle of a part leaves no part behind', async (t) => {
  const { model, lab } = await served(t, 's3.UploadPart lake/k 2', { kind: 'resetBefore', bodyBytes: 100_000 });
  const upload = model.answer({
    ...{ method: 'POST', host: '', path: `/${BUCKET}/k`, query: { uploads: '' }, headers: {}, body: Buffer.alloc(0) },
  });
  const id = /<UploadId>(.*)<\/UploadId>/.exec(upload.body.toString())?.[1] ?? '';
  await part(lab, 'k', id, 1, Buffer.alloc(1_000_000));

  const cut = await failure(part(lab, 'k', id, 2, Buffer.alloc(1_000_000)));

  assert.match(cut, /^(ECONNRESET|EPIPE)$/);
  assert.deepEqual([...(model.uploads(BUCKET)[0]?.parts.keys() ?? [])], [1]);
});

test('a connection cut after has taken effect', async (t) => {
  const { lab } = await served(t, 's3.PutObject', { kind: 'resetAfter' });

  assert.equal(await failure(put(lab, 'k', 'x')), 'ECONNRESET');

  assert.equal(await textOf(lab, 'k'), 'x');
});

test('a request whose answer is lost has taken effect', async (t) => {
  const { lab } = await served(t, 's3.PutObject', { kind: 'lostResponse' });

  assert.equal(await failure(put(lab, 'k', 'x')), 'ETIMEDOUT');

  assert.equal(await textOf(lab, 'k'), 'x');
});

test('a slow request takes effect late, whether anybody still waits or not', async (t) => {
  const { model, lab } = await served(t, 's3.PutObject', { kind: 'slow', ms: 700 });

  assert.equal(await failure(put(lab, 'k', 'x')), 'ETIMEDOUT');
  assert.deepEqual(model.objects(BUCKET), []);

  const startedMs = performance.now();
  while (model.objects(BUCKET).length === 0 && performance.now() - startedMs < 10_000)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await textOf(lab, 'k'), 'x');
});

test('what is slow when the server is closed never takes effect, and closing does not wait for it', async (t) => {
  const { model, server, lab } = await served(t, 's3.PutObject', { kind: 'slow', ms: 3_600_000 });
  const failed = failure(put(lab, 'k', 'x'));

  await server.close();

  assert.notEqual(await failed, 'none');
  assert.deepEqual(model.objects(BUCKET), []);
});

test('paths reach the model as they were sent', async (t) => {
  const { model, server } = await served(t, 'none', { kind: 'resetBefore' });
  const { port } = new URL(server.endpoint);
  const socket = connect(Number(port), '127.0.0.1');
  t.after(() => socket.destroy());

  socket.write('PUT /lake/a/../b/./c?x-id=PutObject HTTP/1.1\r\nHost: store\r\nContent-Length: 2\r\n\r\nhi');
  const [answer] = await new Promise<Buffer[]>((resolve) => socket.once('data', (bytes) => resolve([bytes])));

  assert.match(String(answer), /^HTTP\/1\.1 200/);
  assert.deepEqual(
    model.objects(BUCKET).map(([key]) => key),
    ['a/../b/./c'],
  );
});
