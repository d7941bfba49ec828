import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runStruck } from './scenarios.ts';
import { SWEEPS, sweep } from './sweeps.ts';

const place = { sink: 's3', store: 's3', staysOpen: true } as const;
const { anomalies, labels } = await runStruck(place);
const isS3 = (label: string) => label.startsWith('s3.');

test('the undisturbed run on S3 with files that stay open is exactly once, and has parts and tails', () => {
  assert.deepEqual(anomalies, []);
  assert.ok(labels.some((label) => label.startsWith('s3.UploadPart')));
  assert.ok(
    labels.some((label) => /^s3.PutObject .*_tails/.test(label)),
    'no tail was written',
  );
});

// A store behind a network keeps what it has when the pipeline's machine loses power: that is dying.
for (const { name, kind } of SWEEPS.filter(({ aftermath }) => aftermath === undefined)) {
  test(`objects that stay open hold every record once when the process ${name} any one request to S3`, async () => {
    await sweep([{ place, labels }], { kind, isStruck: isS3 });
  });
}

test('objects that stay open hold every record once when any one request to S3 is delivered twice', async () => {
  await sweep([{ place, labels }], { kind: 'twice', isStruck: isS3 });
});
