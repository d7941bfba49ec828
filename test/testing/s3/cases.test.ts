import assert from 'node:assert/strict';
import { test } from 'node:test';
import { s3Cases } from '../../../testing/s3/cases/index.ts';
import { KNOWN_DIFFERENCES } from '../../../testing/s3/known-differences.ts';
import { S3Model } from '../../../testing/s3/model.ts';
import { serveS3 } from '../../../testing/s3/server.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';
import { BUCKET, clientWith, labOn } from './support/lab.ts';

test('every known difference is one of a case, and cases have names of their own', () => {
  const names = s3Cases.map(({ name }) => name);

  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    Object.keys(KNOWN_DIFFERENCES).filter((name) => !names.includes(name)),
    [],
  );
});

for (const { name, run } of s3Cases) {
  test(`the model, in virtual time: ${name}`, async () => {
    await new VirtualTime().run(run(labOn()));
  });
}

// A thousand requests over a port say no more than one.
const forPort = s3Cases.filter(({ name }) => name !== 'a page has at most 1,000 keys');

test('the model behind a port passes every case', async (t) => {
  for (const { name, run } of forPort) {
    await t.test(name, async (t) => {
      const server = await serveS3({ model: new S3Model({ buckets: [BUCKET] }) });
      t.after(() => server.close());
      const client = clientWith({ endpoint: server.endpoint });
      t.after(() => client.destroy());

      await run({ client, bucket: BUCKET });
    });
  }
});
