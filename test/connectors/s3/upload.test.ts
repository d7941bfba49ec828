import assert from 'node:assert/strict';
import { test } from 'node:test';
import { S3Error } from '../../../connectors/s3/errors.ts';
import { PartMemory } from '../../../connectors/s3/part-memory.ts';
import { Retrier } from '../../../connectors/s3/retry.ts';
import type { S3Api } from '../../../connectors/s3/s3-api.ts';
import { Uploads } from '../../../connectors/s3/upload.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { apiOn, BUCKET, newModel, tailsOn } from './support/scene.ts';

const MiB = 1024 * 1024;
const PART = 5 * MiB;
const covers = () => ({ 't/0': [3, 17] as const });

function bench({ exchange, attributes = {}, model = newModel(), wrap = (api) => api }: BenchOptions = {}) {
  const env = new VirtualEnv();
  const controller = new AbortController();
  const reservation = {
    bytes: 0,
    resize(bytes: number) {
      this.bytes = bytes;
    },
    release() {},
  };
  const api = wrap(apiOn(model, exchange === undefined ? {} : { exchange }));
  const retrier = new Retrier(env.env);
  const uploads = new Uploads({
    bucket: BUCKET,
    root: 'raw/',
    attributes,
    partBytes: PART,
    ...{ api, retrier, tails: tailsOn({ api, retrier, signal: controller.signal }) },
    memory: new PartMemory({ budgetBytes: 96 * MiB, reservation }),
    env: env.env,
    signal: controller.signal,
  });
  const open = (directory = 't', name = 'file.ndjson') => uploads.open({ directory, name, covers });
  const stage = async (...chunks: Buffer[]) => {
    await using file = await open();
    await file.append(chunks);
    return await file.close();
  };
  const counts = () => Object.fromEntries(model.requestCounts);
  return { env, model, controller, reservation, open, stage, counts };
}

interface BenchOptions {
  exchange?: S3Exchange;
  attributes?: ConstructorParameters<typeof Uploads>[0]['attributes'];
  model?: ReturnType<typeof newModel>;
  wrap?: (api: S3Api) => S3Api;
}

/** Bytes that differ everywhere, so that a part in the wrong place shows. */
function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(at, at);
  return buffer;
}

const partsOf = ({ model }: ReturnType<typeof bench>) =>
  model.uploads(BUCKET).map(({ parts }) => [...parts.values()].map(({ body }) => body.length));

test('a small file costs one upload and one part, and nothing is sent before it is closed', async () => {
  const scene = bench();
  await using file = await scene.open();
  await file.append([Buffer.from('{"a":1}\n'), Buffer.from('{"a":2}\n')]);
  assert.deepEqual(scene.counts(), {});

  const handle = await file.close();

  assert.deepEqual(scene.counts(), { CreateMultipartUpload: 1, UploadPart: 1 });
  assert.equal(handle.bytes, 16);
  assert.equal(handle.parts.length, 1);
  assert.equal(handle.key, 'raw/t/file.ndjson');
  assert.equal(scene.model.objects(BUCKET).length, 0, 'no reader sees it');
});

test('a large file is sent part by part while it is written, and arrives as it was', async () => {
  const scene = bench();
  const bytes = pattern(2 * PART + 12_345);
  await using file = await scene.open();
  // Chunks that end nowhere near the end of a part.
  for (let at = 0; at < bytes.length; at += 777_777) await file.append([bytes.subarray(at, at + 777_777)]);

  const handle = await file.close();

  assert.deepEqual(partsOf(scene), [[PART, PART, 12_345]]);
  assert.deepEqual(
    handle.parts.map((part) => part.bytes),
    [PART, PART, 12_345],
  );
  const [upload] = scene.model.uploads(BUCKET);
  assert.ok(bytes.equals(Buffer.concat([...(upload?.parts.values() ?? [])].map(({ body }) => body))));
  assert.equal(handle.uploadId, upload?.id);
});

test('a file that ends with a part has no empty one behind it', async () => {
  const scene = bench();

  const { parts } = await scene.stage(pattern(2 * PART));

  assert.deepEqual(
    parts.map(({ bytes }) => bytes),
    [PART, PART],
  );
});

test('the memory of the caller is its own again after every append', async () => {
  const scene = bench();
  const chunk = Buffer.from('{"a":1}\n');
  await using file = await scene.open();
  await file.append([chunk]);
  chunk.fill(0);

  await file.close();

  const [upload] = scene.model.uploads(BUCKET);
  assert.equal(upload?.parts.get(1)?.body.toString(), '{"a":1}\n');
});

test('the object says whose it is, which offsets it holds, and how it is to be kept', async () => {
  const attributes = { contentType: 'application/x-ndjson', storageClass: 'STANDARD_IA', sse: 'AES256' };
  const scene = bench({ attributes });

  const { token } = await scene.stage(Buffer.from('1\n'));

  const kept = scene.model.uploads(BUCKET)[0]?.kept ?? {};
  assert.match(token, /^[0-9a-f]{32}$/);
  assert.equal(kept['x-amz-meta-sluice-token'], token);
  assert.equal(kept['x-amz-meta-sluice-offsets'], '{"t/0":[3,17]}');
  assert.equal(kept['content-type'], 'application/x-ndjson');
  assert.equal(kept['x-amz-storage-class'], 'STANDARD_IA');
  assert.equal(kept['x-amz-server-side-encryption'], 'AES256');
});

test('a file that was begun before all its offsets were known does not name them', async () => {
  const scene = bench();

  await scene.stage(pattern(PART + 1));

  assert.equal(scene.model.uploads(BUCKET)[0]?.kept['x-amz-meta-sluice-offsets'], undefined);
});

test('two files never share a token', async () => {
  const scene = bench();

  const [one, other] = [await scene.stage(Buffer.from('1\n')), await scene.stage(Buffer.from('1\n'))];

  assert.notEqual(one.token, other.token);
});

test('directories with every odd character become keys that are read back the same', async () => {
  const scene = bench();
  const directory = ' a+b%25#?&=ü🎉\'"<>\\';
  await using file = await scene.open(directory);
  await file.append([Buffer.from('1\n')]);

  await file.close();

  assert.equal(scene.model.uploads(BUCKET)[0]?.key, `raw/${directory}/file.ndjson`);
});

test('all memory is given back once a file is staged', async () => {
  const scene = bench();

  await scene.stage(Buffer.from('1\n'));

  assert.equal(scene.reservation.bytes, 0);
});

test('a file that is given up gives its memory back, ends its requests and leaves what was sent', async () => {
  const scene = bench({
    exchange: (label, effect) =>
      label.startsWith('s3.UploadPart') && label.endsWith(' 2') ? new Promise(() => {}) : Promise.resolve(effect()),
  });
  const file = await scene.open();
  await file.append([pattern(2 * PART + 1)]);
  await scene.env.settle();

  await file[Symbol.asyncDispose]();

  assert.equal(scene.reservation.bytes, PART, 'one buffer is kept for the next part');
  assert.deepEqual(partsOf(scene), [[PART]]);
});

test('the end of the incarnation ends a file that waits for an answer', async () => {
  const scene = bench({ exchange: () => new Promise(() => {}) });
  const staging = scene.stage(Buffer.from('1\n'));
  await scene.env.settle();

  scene.controller.abort(new Error('over'));

  await assert.rejects(staging);
  assert.equal(scene.reservation.bytes, 0);
});

test('a part whose answer is lost is sent again, with the same bytes under the same number', async () => {
  let lost = 0;
  const scene = bench({
    exchange: async (label, effect) => {
      const answer = effect();
      if (label.startsWith('s3.UploadPart') && lost++ < 2)
        throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      return answer;
    },
  });

  const { parts } = await scene.env.run(scene.stage(pattern(PART + 10)));

  assert.equal(parts.length, 2);
  assert.deepEqual(partsOf(scene), [[PART, 10]]);
  assert.equal(scene.model.requestCounts.get('UploadPart'), 4);
});

test('a buffer that may still be read on its way is not used for another part', async () => {
  let unanswered: Buffer | undefined;
  const scene = bench({
    wrap: (api) => {
      const uploadPart = api.uploadPart.bind(api);
      api.uploadPart = async (part, body, options) => {
        if (unanswered !== undefined) return await uploadPart(part, body, options);
        unanswered = body;
        throw new S3Error('unknown', 'unavailable', 'S3_UNAVAILABLE', { message: 'no answer' });
      };
      return api;
    },
  });
  const bytes = pattern(6 * PART);
  await using file = await scene.open();
  await file.append([bytes.subarray(0, PART)]);
  await scene.env.until(() => scene.model.requestCounts.get('UploadPart') === 1);

  await file.append([bytes.subarray(PART)]);
  await scene.env.run(file.close());

  assert.ok(unanswered?.equals(bytes.subarray(0, PART)));
});

test('a new upload whose answer is lost leaves one upload too many, and the file is whole', async () => {
  let created = 0;
  const scene = bench({
    exchange: async (label, effect) => {
      const answer = effect();
      if (label.startsWith('s3.Create') && created++ === 0)
        throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      return answer;
    },
  });

  const { uploadId } = await scene.env.run(scene.stage(Buffer.from('1\n')));

  const uploads = scene.model.uploads(BUCKET);
  assert.equal(uploads.length, 2);
  assert.equal(uploads.find(({ id }) => id === uploadId)?.parts.size, 1);
});

test('throttling for minutes slows a file down and does not fail it', async () => {
  let asked = 0;
  const model = newModel({
    intervene: (_, operation) =>
      operation === 'UploadPart' && asked++ < 15
        ? refusal(asked % 2 === 0 ? 'SlowDown' : 'TooManyRequests')
        : undefined,
  });
  const scene = bench({ model });

  await scene.env.run(scene.stage(Buffer.from('1\n')));

  assert.ok(scene.env.nowMs > 60_000, `${scene.env.nowMs} ms`);
});

test('a refusal fails the file at once, with the key and the permission', async () => {
  const scene = bench();
  scene.model.denied.add('s3:PutObject');

  await assert.rejects(scene.stage(Buffer.from('1\n')), {
    kind: 'rejected',
    code: 'S3_ACCESS_DENIED',
    message: /lake\/raw\/t\/file\.ndjson/,
    help: /s3:PutObject/,
  });

  assert.equal(scene.model.requestCounts.get('CreateMultipartUpload'), 1);
});

test('at most 16 parts are on their way at a time', async () => {
  let now = 0;
  let most = 0;
  const scene = bench({
    exchange: async (_label, effect) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return effect();
    },
  });

  await Promise.all(Array.from({ length: 60 }, () => scene.stage(Buffer.from('1\n'))));

  assert.equal(most, 16);
});
