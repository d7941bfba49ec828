import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GetBucketLocationCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { complete, create, keysOf, part, put, refused, staged, textOf } from '../../../testing/s3/cases/lab.ts';
import { BUCKET, clientWith, labOn } from './support/lab.ts';

test('an action that a policy denies is refused by its name, whatever request needs it', async () => {
  const lab = labOn();
  const { id, parts } = await staged(lab, 'k', 'x');

  lab.model.denied.add('s3:PutObject');

  const denial = await put(lab, 'k', 'x').catch((error) => error);
  assert.equal(denial.name, 'AccessDenied');
  assert.match(denial.message, /not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::lake\/k"/);
  await refused(create(lab, 'k'), 403, 'AccessDenied');
  await refused(part(lab, 'k', id, 1, Buffer.from('x')), 403, 'AccessDenied');
  await refused(complete(lab, 'k', id, parts), 403, 'AccessDenied');
  assert.deepEqual(await keysOf(lab), []);
});

test('an object is written with tags only by who may tag', async () => {
  const lab = labOn();
  lab.model.denied.add('s3:PutObjectTagging');

  await refused(put(lab, 'k', 'x', { Tagging: 'team=data' }), 403, 'AccessDenied');
  await put(lab, 'k', 'x');
});

test('who may not list is not told what is missing', async () => {
  const lab = labOn();
  await put(lab, 'k', 'x');

  lab.model.denied.add('s3:ListBucket');

  await refused(textOf(lab, 'missing'), 403, 'AccessDenied');
  await refused(lab.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'missing' })), 403, 'Unknown');
  await refused(keysOf(lab), 403, 'AccessDenied');
  assert.equal(await textOf(lab, 'k'), 'x');
});

test('a key that does not exist is refused, and so is one whose session has run out', async () => {
  const lab = labOn({ accessKeyIds: ['id'] });
  const { client, ...rest } = labOn({ accessKeyIds: ['another'] });
  await put(lab, 'k', 'x');

  lab.model.expiredAccessKeyIds.add('id');

  await refused(put(lab, 'k', 'x'), 400, 'ExpiredToken');
  await refused(put({ client, ...rest }, 'k', 'x'), 403, 'InvalidAccessKeyId');
});

test('a request for another region is sent there', async () => {
  const lab = labOn({ region: 'eu-central-1' });

  const error = await put(lab, 'k', 'x').catch((reason) => reason);

  assert.equal(error.name, 'PermanentRedirect');
  assert.equal(error.$metadata.httpStatusCode, 301);
  assert.equal(error.$response.headers['x-amz-bucket-region'], 'eu-central-1');
  const { LocationConstraint } = await labFor('eu-central-1').send(new GetBucketLocationCommand({ Bucket: BUCKET }));
  assert.equal(LocationConstraint, 'eu-central-1');

  function labFor(region: string) {
    return clientWith({ region, requestHandler: lab.client.config.requestHandler });
  }
});

test('a request signed more than 15 minutes before or after is refused where time is checked', async () => {
  let skewMs = 16 * 60_000;
  const lab = labOn({ nowMs: () => Date.now() + skewMs, behaviour: { checksRequestTime: true } });

  await refused(put(lab, 'k', 'x'), 403, 'RequestTimeTooSkewed');
  skewMs = -skewMs;
  await refused(put(lab, 'k', 'x'), 403, 'RequestTimeTooSkewed');
  skewMs = 14 * 60_000;
  await put(lab, 'k', 'x');
});
