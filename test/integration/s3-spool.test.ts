import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { s3 } from '../../connectors/s3/index.ts';
import { SinkRun } from '../../testing/conformance/sink-run.ts';
import { cutLines } from '../../testing/ledger/lines.ts';
import { skipWithoutS3, testBucket } from '../services/s3.ts';
import type { S3Bucket } from '../services/s3-bucket.ts';

const TOPICS = 50;
/** Of which the run's budget of 64 MiB has 32 MiB for parts that are not full: less than 1 MiB for each topic. */
const RECORDS = 20;
const VALUE_BYTES = 64 * 1024;

/** 1.25 MiB for each topic, in turns. */
async function writeAll(t: TestContext, bucket: S3Bucket, spool?: string) {
  const { endpoint, accessKeyId, secretAccessKey } = bucket.place;
  const sink = s3({
    ...{ bucket: bucket.name, prefix: 'raw', region: 'us-east-1', endpoint, partBytes: '5MiB' },
    ...{ credentials: { accessKeyId, secretAccessKey }, ...(spool === undefined ? {} : { spool }) },
  });
  const run = await SinkRun.start(sink);
  t.after(() => run[Symbol.asyncDispose]());
  for (let offset = 0; offset < RECORDS; offset += 4) {
    for (let topic = 0; topic < TOPICS; topic++) {
      const values = [0, 1, 2, 3].map((index) => valueAt(topic, offset + index));
      await run.write({ split: `t${topic}/0`, offset, values });
    }
  }
  const handles = await run.cut();
  const verdicts = await run.commit(handles);
  assert.ok(verdicts.every(({ kind }) => kind === 'committed'));
  return handles.length;
}

const valueAt = (topic: number, offset: number) => `${topic}-${offset}-`.padEnd(VALUE_BYTES, 'x');

/** Every record once, in the directory of its topic. */
async function mustBeExact(bucket: S3Bucket): Promise<void> {
  const output = bucket.output('raw');
  const found = new Map<string, number>();
  for (const path of await output.list())
    await cutLines(output.read(path), (bytes, start, end) => {
      const line = bytes.toString('utf8', start, end);
      assert.equal(end - start, VALUE_BYTES);
      const [topic = '', offset = ''] = line.split('-');
      assert.ok(path.startsWith(`t${topic}/`), path);
      found.set(`${topic}-${offset}`, (found.get(`${topic}-${offset}`) ?? 0) + 1);
    });
  assert.equal(found.size, TOPICS * RECORDS);
  assert.deepEqual(new Set(found.values()), new Set([1]));
}

test('fifty directories and little memory: early files without a spool, one each with it, all records in both', {
  skip: skipWithoutS3,
  timeout: 240_000,
}, async (t) => {
  const spool = mkdtempSync(join(tmpdir(), 'sluice-spool-'));
  t.after(() => rmSync(spool, { recursive: true, force: true }));
  const [early, spooled] = [await testBucket(t), await testBucket(t)];

  const filesEarly = await writeAll(t, early);
  const filesSpooled = await writeAll(t, spooled, spool);

  assert.ok(filesEarly > TOPICS, `${filesEarly} files`);
  assert.equal(filesSpooled, TOPICS);
  await mustBeExact(early);
  await mustBeExact(spooled);
  assert.deepEqual(readdirSync(spool), []);
  assert.deepEqual(await spooled.uploads('raw/'), []);
});
