import { type TestContext, test } from 'node:test';
import { s3, s3Store } from '../../connectors/s3/index.ts';
import { SdkApi } from '../../connectors/s3/sdk-api.ts';
import { s3Settings } from '../../connectors/s3/settings.ts';
import { S3Sink } from '../../connectors/s3/sink.ts';
import { sinkConformance } from '../../testing/conformance/sink.ts';
import { storeConformance } from '../../testing/conformance/store.ts';
import { cutLines } from '../../testing/ledger/lines.ts';
import { skipWithoutS3, testBucket } from '../services/s3.ts';
import type { S3Bucket } from '../services/s3-bucket.ts';
import { losingAnswers } from '../services/s3-losing.ts';
import { testConformance } from '../testing/conformance.ts';

const connectionTo = ({ name, place }: S3Bucket, endpoint = place.endpoint) => {
  const { accessKeyId, secretAccessKey } = place;
  return { bucket: name, region: 'us-east-1', endpoint, credentials: { accessKeyId, secretAccessKey } };
};

async function linesIn(bucket: S3Bucket): Promise<Map<string, string[]>> {
  const output = bucket.output('raw');
  const files = new Map<string, string[]>();
  for (const path of await output.list()) {
    const lines: string[] = [];
    await cutLines(output.read(path), (bytes, start, end) => lines.push(bytes.toString('utf8', start, end)));
    files.set(path, lines);
  }
  return files;
}

async function sinkHarness(t: TestContext) {
  const bucket = await testBucket(t);
  const settings = s3Settings.parse({ type: 's3', prefix: 'raw', takenByReaders: 'fail', ...connectionTo(bucket) });
  return {
    // The product waits for a minute; a real server needs a moment, too, in which an object is neither staged nor visible.
    sink: new S3Sink({ settings, api: new SdkApi({ settings }), missingMs: 1_000 }),
    assumeTaken: s3({ prefix: 'raw', takenByReaders: 'assume', ...connectionTo(bucket) }),
    staysOpen: s3({ prefix: 'raw', partBytes: '5MiB', roll: { onCheckpoint: false }, ...connectionTo(bucket) }),
    visible: () => linesIn(bucket),
    hidesStaged: !(await bucket.listsUploads()),
    stagedCount: async () => (await bucket.uploads('raw/')).length,
    takeAway: (path: string) => bucket.delete(`raw/${path}`),
  };
}

async function storeHarness(t: TestContext) {
  const bucket = await testBucket(t);
  const prefix = 'made/when/needed';
  return {
    failsBelowKeys: await bucket.failsBelowKeys(),
    connect: async () => s3Store({ prefix, ...connectionTo(bucket) }),
    connectLosingResponses: async () => {
      const endpoint = await losingAnswers(t, bucket.place.endpoint, (method) => method === 'PUT');
      return s3Store({ prefix, ...connectionTo(bucket, endpoint) });
    },
  };
}

if (skipWithoutS3) test('S3 sink and store on a real server', { skip: skipWithoutS3 });
else {
  testConformance('S3 sink on a real server', sinkConformance, sinkHarness);
  testConformance('S3 checkpoint store on a real server', storeConformance, storeHarness);
}
