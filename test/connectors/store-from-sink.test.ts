import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registry } from '../../connectors/registry.ts';
import { parsePipelineFile } from '../../core/config/parse.ts';
import type { Store } from '../../core/contract/store.ts';
import { HdfsModel } from '../../testing/hdfs/model.ts';
import { serveHdfs } from '../../testing/hdfs/server.ts';
import { S3Model } from '../../testing/s3/model.ts';
import { serveS3 } from '../../testing/s3/server.ts';

const SLOT = Buffer.from('slot');

async function storeOf(sink: string, store: string): Promise<Store> {
  const text = `name: clicks
source: { type: datagen }
sink: ${sink}
checkpoints: { store: ${store} }
`;
  const around = { file: 'p.yaml', baseDir: '/', env: {}, readFile: () => '', registry };
  const { options } = await parsePipelineFile(text, around);
  assert.ok(options.checkpoints.store);
  return options.checkpoints.store;
}

test('a store in HDFS without urls is in the cluster of the sink, as its user', async () => {
  const server = await serveHdfs({ modelAt: (places) => new HdfsModel(places) });
  try {
    const sink = `{ type: hdfs, urls: ["${server.nameNodes[0]}"], user: hdfs, path: /data/clicks, format: ndjson }`;
    const store = await storeOf(sink, '{ type: hdfs, path: /data/_sluice }');

    assert.equal(await store.createIfAbsent('a/1', SLOT), 'created');

    assert.equal(server.model.node('/data/_sluice/a/1')?.owner, 'hdfs');
  } finally {
    await server.close();
  }
});

test('a store in HDFS without urls, beside another sink, says what to do', async () => {
  await assert.rejects(storeOf('{ type: file, path: ./out, format: ndjson }', '{ type: hdfs, path: /_sluice }'), {
    kind: 'config',
    message: /^p\.yaml:4:\d+: checkpoints\.store\.urls: missing; .*; only a sink of the same type would give it$/,
  });
});

test('a store in S3 is reached as the sink is', async () => {
  const model = new S3Model({ buckets: ['lake'] });
  const { endpoint, close } = await serveS3({ model });
  try {
    const credentials = 'credentials: { accessKeyId: key, secretAccessKey: secret }';
    const sink = `{ type: s3, bucket: lake, region: us-east-1, endpoint: "${endpoint}", ${credentials}, format: ndjson }`;
    const store = await storeOf(sink, '{ type: s3, bucket: lake, prefix: state }');

    assert.equal(await store.createIfAbsent('a/1', SLOT), 'created');

    assert.deepEqual(await store.get('a/1'), new Uint8Array(SLOT));
    assert.equal(model.requestCounts.get('PutObject'), 1);
  } finally {
    await close();
  }
});
