import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runStruck } from './scenarios.ts';
import { SWEEPS, sweep } from './sweeps.ts';

const place = { sink: 's3', store: 's3' } as const;
const { anomalies, labels } = await runStruck(place);
const isS3 = (label: string) => label.startsWith('s3.');

test('the undisturbed run on S3 is exactly once and makes every request that is worth sweeping', () => {
  assert.deepEqual(anomalies, []);
  const verbs = new Set(labels.map((label) => label.split(' ')[0]));
  for (const verb of [
    ...['s3.CreateMultipartUpload', 's3.UploadPart', 's3.CompleteMultipartUpload', 's3.HeadObject'],
    ...['s3.ListMultipartUploads', 's3.PutObject', 's3.GetObject', 's3.ListObjectsV2', 's3.DeleteObject'],
  ]) {
    assert.ok(verbs.has(verb), `${verb} is never sent`);
  }
});

// A store behind a network keeps what it has when the pipeline's machine loses power: that is dying.
for (const { name, kind, aftermath } of SWEEPS.filter(
  ({ aftermath }) => aftermath === undefined || aftermath === 'loader',
)) {
  test(`objects are exactly once when the process ${name} any one request to S3`, async () => {
    await sweep([{ place, labels }], { kind, ...(aftermath === undefined ? {} : { aftermath }), isStruck: isS3 });
  });
}

test('objects are exactly once when any one request to S3 is delivered twice', async () => {
  await sweep([{ place, labels }], { kind: 'twice', isStruck: isS3 });
});
