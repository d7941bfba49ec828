import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Request } from '../../../testing/s3/http.ts';
import { S3Model } from '../../../testing/s3/model.ts';

function get(path: string): S3Request {
  return { method: 'GET', host: 'store.test', path, query: {}, headers: {}, body: Buffer.alloc(0) };
}

test('a hook answers in place of the model, as often as it wants', () => {
  let left = 2;
  const model = new S3Model({ buckets: ['lake'], intervene: () => (left-- > 0 ? refusal('SlowDown') : undefined) });

  const statuses = Array.from({ length: 3 }, () => model.answer(get('/lake/a')).status);

  assert.deepEqual(statuses, [503, 503, 404]);
  assert.equal(model.requestCounts.get('GetObject'), 3);
});

test('the same requests get the same answers, byte by byte', () => {
  const run = () => {
    const model = new S3Model({ buckets: ['lake'] });
    const put = { ...get('/lake/a'), method: 'PUT', headers: { 'content-length': '2' }, body: Buffer.from('hi') };
    return [put, get('/lake/a'), get('/lake/b'), { ...get('/lake'), query: { 'list-type': '2' } }].map((request) => {
      const { status, headers, body } = model.answer(request);
      return { status, headers, body: body.toString() };
    });
  };

  assert.deepEqual(run(), run());
  assert.deepEqual(
    run().map(({ status }) => status),
    [200, 200, 404, 200],
  );
});
