import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayLeaveUnsigned } from '../../../connectors/s3/checksum.ts';
import { SdkApi } from '../../../connectors/s3/sdk-api.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import { s3Handler } from '../../../testing/s3/handler.ts';
import type { S3Request } from '../../../testing/s3/http.ts';
import { apiOn, BUCKET, newModel, type SinkInput, settingsOf } from './support/scene.ts';

const place = { bucket: BUCKET, key: 'raw/a b/ü?#%.ndjson' };

/** Stages and completes one file, and gives the requests it took. */
async function requestsOf(input: SinkInput = {}, refused: (request: S3Request) => boolean = () => false) {
  const requests: S3Request[] = [];
  const model = newModel({
    intervene: (request) => {
      requests.push(request);
      return refused(request) ? refusal('InvalidRequest') : undefined;
    },
  });
  const api = apiOn(model, input);
  const uploadId = await api.createUpload(place, { metadata: {}, attributes: {} });
  const tag = await api.uploadPart({ ...place, uploadId, number: 1 }, Buffer.from('123456789'));
  await api.completeUpload({ ...place, uploadId }, [tag]);
  return { model, api, requests };
}

const partOf = (requests: readonly S3Request[]) => requests.find(({ query }) => query.partNumber !== undefined);

test('a body is sent unsigned where it is safe, with a checksum that the store verifies', async () => {
  const { requests, model } = await requestsOf();

  assert.equal(partOf(requests)?.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
  assert.equal(partOf(requests)?.headers['x-amz-checksum-crc32'], 'y/Q5Jg==');
  assert.equal(partOf(requests)?.headers.expect, undefined);
  assert.deepEqual(model.bucket(BUCKET).get(place.key)?.checksum?.type, 'COMPOSITE');
});

test('over plain HTTP to elsewhere a body is signed, unless the user trusts the network', async () => {
  const endpoint = 'http://store.example:9000';
  const signed = await requestsOf({ endpoint });
  const trusted = await requestsOf({ endpoint, checksums: 'off' });

  assert.match(partOf(signed.requests)?.headers['x-amz-content-sha256'] ?? '', /^[0-9a-f]{64}$/);
  assert.equal(partOf(trusted.requests)?.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
  assert.equal(partOf(trusted.requests)?.headers['x-amz-checksum-crc32'], undefined);
});

test('only this machine itself is safe without TLS', () => {
  const safe = [
    'https://store.example',
    'http://localhost:9000',
    'http://127.0.0.1:9000',
    'http://127.9.9.9',
    'http://[::1]:9000',
  ];
  const unsafe = [
    'http://store.example',
    'http://127.0.0.1.example',
    'http://10.0.0.1',
    'http://localhost.example:9000',
  ];

  assert.ok(mayLeaveUnsigned(undefined, 'auto'), 'AWS is always TLS');
  for (const endpoint of safe) assert.ok(mayLeaveUnsigned(endpoint, 'required'), endpoint);
  for (const endpoint of unsafe) assert.ok(!mayLeaveUnsigned(endpoint, 'auto'), endpoint);
});

test('checksums: auto goes on without for a store that refuses them, and does not ask again', async () => {
  const isChecked = ({ headers }: S3Request) =>
    headers['x-amz-checksum-algorithm'] !== undefined || headers['x-amz-checksum-crc32'] !== undefined;
  const { requests, api } = await requestsOf({}, isChecked);
  assert.equal(requests.filter(isChecked).length, 1);

  assert.equal(await api.putIfAbsent({ bucket: BUCKET, key: 'slot' }, Buffer.from('x')), 'created');

  assert.equal(requests.filter(isChecked).length, 1);
});

test('checksums: required does not go on without', async () => {
  const refused = ({ headers }: S3Request) => headers['x-amz-checksum-algorithm'] !== undefined;

  await assert.rejects(requestsOf({ checksums: 'required' }, refused), { kind: 'rejected', code: 'S3_REFUSED' });
});

test('a store that refuses for another reason keeps its checksums', async () => {
  let left = 2;
  const { requests } = await requestsOf({}, ({ method }) => method === 'POST' && left-- > 0).catch((error) => {
    assert.equal(error.code, 'S3_REFUSED');
    return requestsOf();
  });

  assert.ok(partOf(requests)?.headers['x-amz-checksum-crc32']);
});

test('keys that are refused are read again for the next request', async () => {
  const model = newModel();
  model.expiredAccessKeyIds.add('test');
  const api = apiOn(model);
  await assert.rejects(api.get(place), { reason: 'credentials' });

  model.expiredAccessKeyIds.clear();

  assert.equal(await api.get(place), undefined);
});

test('a request is sent once, whatever comes of it', async () => {
  let requests = 0;
  const model = newModel({
    intervene: () => {
      requests++;
      return refusal('SlowDown');
    },
  });

  await assert.rejects(apiOn(model).get(place), { reason: 'throttled' });

  assert.equal(requests, 1);
});

test('what is long may take as long as its share of a slow line makes it, everything else two minutes', async () => {
  const limitsMs: unknown[] = [];
  const handler = s3Handler(async (_label, effect) => effect(), newModel());
  const requestHandler: typeof handler = {
    ...handler,
    handle: (request, options = {}) => {
      limitsMs.push(options.requestTimeout);
      return handler.handle(request, options);
    },
  };
  const api = new SdkApi({ settings: settingsOf(), requestHandler });
  const uploadId = await api.createUpload(place, { metadata: {}, attributes: {} });

  const body = Buffer.alloc(8 * 1024 * 1024);

  await api.uploadPart({ ...place, uploadId, number: 1 }, body);
  await api.putIfAbsent(place, body);

  const [create, part, object] = limitsMs;
  assert.equal(create, undefined, 'that of the client');
  // Sixteen of them over 2 Mbit/s.
  assert.ok(Number(part) > (16 * body.length * 8) / 2_000, String(part));
  assert.equal(object, part);
});

test('an aborted call rejects at once, and says that its outcome is not known', async () => {
  const controller = new AbortController();
  const api = apiOn(newModel(), { exchange: () => new Promise(() => {}) });
  const call = api.get(place, { signal: controller.signal });
  setImmediate(() => controller.abort());

  await assert.rejects(call, { reason: 'unknown' });
});
