import { test } from 'node:test';
import { s3Cases } from '../../../testing/s3/cases/index.ts';
import { S3Model } from '../../../testing/s3/model.ts';
import { serveS3 } from '../../../testing/s3/server.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';
import { BUCKET, clientWith, labOn } from './support/lab.ts';

for (const { name, run } of s3Cases) {
  test(`the model, in virtual time: ${name}`, async () => {
    await new VirtualTime().run(run(labOn()));
  });
}

test('the model behind a port passes every case', async (t) => {
  for (const { name, run } of s3Cases) {
    await t.test(name, async (t) => {
      const server = await serveS3({ model: new S3Model({ buckets: [BUCKET] }) });
      t.after(() => server.close());
      const client = clientWith({ endpoint: server.endpoint });
      t.after(() => client.destroy());

      await run({ client, bucket: BUCKET });
    });
  }
});
