import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { s3Cases } from '../../testing/s3/cases/index.ts';
import { KNOWN_DIFFERENCES, type KnownServer } from '../../testing/s3/known-differences.ts';
import { testS3 } from '../services/s3.ts';
import { S3Bucket } from '../services/s3-bucket.ts';
import { type S3Server, s3Client } from '../services/s3-server.ts';

/** Only the first is built by everybody's test run; together they take ten minutes to build. */
const kinds: readonly KnownServer[] = process.env.SLUICE_TEST_S3_ALL
  ? ['versitygw', 's3proxy', 'minio']
  : ['versitygw'];

/** What the server does otherwise than AWS documents, by the name of the case. */
async function differences(server: S3Server, t: TestContext): Promise<string[]> {
  const differing: string[] = [];
  for (const { name, run } of s3Cases) {
    const bucket = await S3Bucket.create(server, `sluice-test-${randomUUID().slice(0, 13)}`);
    const client = s3Client(server, 1);
    try {
      await run({ client, bucket: bucket.name });
    } catch (error) {
      t.diagnostic(`${name}: ${(error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 300)}`);
      differing.push(name);
    } finally {
      client.destroy();
      // A server that is at odds with a case may not be able to clean up after it either. Its data goes with it.
      await bucket.remove().catch((error: Error) => t.diagnostic(`${name}: its bucket stays: ${error.message}`));
    }
  }
  return differing;
}

for (const kind of kinds) {
  test(`${kind} does what AWS documents, but for what is known`, { timeout: 600_000 }, async (t) => {
    const server = await testS3(t, [kind]);
    if (server === undefined) return;
    t.after(() => server.stop());
    const known = Object.entries(KNOWN_DIFFERENCES).flatMap(([name, { [kind]: what }]) =>
      what === undefined ? [] : [name],
    );

    const differing = await differences(server, t);

    assert.deepEqual(differing.sort(), known.sort());
  });
}
