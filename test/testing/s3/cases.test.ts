import { test } from 'node:test';
import { S3Client } from '@aws-sdk/client-s3';
import { s3Cases } from '../../../testing/s3/cases/index.ts';
import { CLIENT_WITHOUT_PROFILE, s3Handler } from '../../../testing/s3/handler.ts';
import { S3Model } from '../../../testing/s3/model.ts';
import { serveS3 } from '../../../testing/s3/server.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';

const bucket = 'lake';
const settings = {
  ...CLIENT_WITHOUT_PROFILE,
  region: 'us-east-1',
  credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
};

for (const { name, run } of s3Cases) {
  test(`the model, in virtual time: ${name}`, async () => {
    const model = new S3Model({ buckets: [bucket] });
    const requestHandler = s3Handler(async (_, effect) => effect(), model);
    const client = new S3Client({ ...settings, endpoint: 'http://store.test', requestHandler });

    await new VirtualTime().run(run({ client, bucket }));
  });

  test(`the model behind a port: ${name}`, async (t) => {
    const server = await serveS3({ model: new S3Model({ buckets: [bucket] }) });
    t.after(() => server.close());
    const client = new S3Client({ ...settings, endpoint: server.endpoint });
    t.after(() => client.destroy());

    await run({ client, bucket });
  });
}
