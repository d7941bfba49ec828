import assert from 'node:assert/strict';
import test from 'node:test';
import { assertExact, auditOutput, encodeRecord, FileGone, Ledger } from '../../testing/ledger/index.ts';
import { cutLines } from '../../testing/ledger/lines.ts';
import { testS3 } from './s3.ts';
import { S3Bucket } from './s3-bucket.ts';
import type { S3Kind } from './s3-server.ts';

// MinIO takes minutes to build and is there only when asked for.
const kinds: S3Kind[] = ['versitygw', 's3proxy', ...(process.env.SLUICE_TEST_S3_ALL ? ['minio' as const] : [])];

const ignore = () => {};

for (const kind of kinds) {
  test(`${kind} that was killed comes back on its port with what it had`, async (t) => {
    const server = await testS3(t, [kind]);
    if (server === undefined) return;
    t.after(() => server.stop());
    const bucket = await S3Bucket.create(server, 'lake');
    await bucket.put('a/one', '1');
    await bucket.put('a/b/two', '22');
    const upload = await bucket.startUpload('a/three');

    await server.kill();
    await assert.rejects(bucket.text('a/one'));
    await server.restart();

    assert.equal(await bucket.text('a/b/two'), '22');
    assert.deepEqual(await bucket.keys('a/'), ['a/b/two', 'a/one']);
    // MinIO lists uploads of an exact key only.
    assert.deepEqual(await bucket.uploads('a/three'), [upload]);
  });

  test(`the ledger reads from ${kind} what any reader sees, through a restart`, async (t) => {
    const server = await testS3(t, [kind]);
    if (server === undefined) return;
    t.after(() => server.stop());
    const bucket = await S3Bucket.create(server, 'lake');
    const ledger = new Ledger();
    const delivery = ledger.begin('plain');
    const from = ledger.take('clicks', 0, 2_400, delivery);
    delivery.outcome = 'committed';
    const line = (sequence: number, bytes: number) =>
      `${encodeRecord({ topic: 'clicks', partition: 0, sequence, planned: 'commit' }, bytes)}\n`;
    const lines = Array.from({ length: 2_400 }, (_, i) => line(from + i, i % 3 === 0 ? 12_000 : 100));
    // Larger than what is asked for at a time.
    await bucket.put('raw/clicks/b-l1s0-000000000001-00000001.ndjson', lines.slice(0, 2_300).join(''));
    await bucket.put('raw/clicks/b-l1s0-000000000001-00000002.ndjson', lines.slice(2_300).join(''));
    await bucket.put('raw/_sluice/clicks.json', '{}');
    await bucket.put('raw/clicks/.hidden', lines[0] ?? '');
    await bucket.put('rawer/clicks', 'not below the prefix');

    await server.kill();
    const auditing = auditOutput({ root: bucket.output('raw'), ledger, recordsMin: 2_400 });
    await server.restart();

    const verdict = await auditing;
    assertExact(verdict);
    assert.equal(verdict.files, 2);
    assert.equal(verdict.bytes, lines.join('').length);
  });

  test(`the ledger tells empty objects of ${kind} from those that are gone`, async (t) => {
    const server = await testS3(t, [kind]);
    if (server === undefined) return;
    t.after(() => server.stop());
    const bucket = await S3Bucket.create(server, 'lake');
    await bucket.put('raw/empty', '');
    const output = bucket.output('raw');

    assert.deepEqual(
      (await output.look()).map(({ path, bytes }) => [path, bytes]),
      [['empty', 0]],
    );
    assert.deepEqual(await cutLines(output.read('empty'), ignore), { bytes: 0 });
    await assert.rejects(cutLines(output.read('never'), ignore), FileGone);
  });
}
