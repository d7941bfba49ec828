import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runStruck } from './scenarios.ts';
import { SWEEPS, sweep } from './sweeps.ts';

const place = { sink: 'hdfs', store: 'hdfs' } as const;
const { anomalies, labels } = await runStruck(place);
const isHdfs = (label: string) => label.startsWith('hdfs.');
/** A body is sent a second time by nobody but the one who has it. */
const isWhole = (label: string) => isHdfs(label) && !/ (open|write|close)$/.test(label);

test('the undisturbed run on HDFS is exactly once and makes every request that is worth sweeping', () => {
  assert.deepEqual(anomalies, []);
  const verbs = new Set(labels.map((label) => label.replace(/ \S+$| \S+ (?=open|write|close)| .*/, ' ').trim()));
  for (const verb of [
    ...['hdfs.MKDIRS', 'hdfs.CREATE', 'hdfs.RENAME', 'hdfs.GETFILESTATUS', 'hdfs.LISTSTATUS_BATCH', 'hdfs.OPEN'],
    ...['hdfs.DELETE', 'hdfs.CHECKACCESS', 'hdfs.CREATE open', 'hdfs.CREATE write', 'hdfs.CREATE close'],
  ]) {
    assert.ok(verbs.has(verb), `${verb} is never sent`);
  }
});

// A cluster keeps what it has when the pipeline's machine loses power: that is dying.
for (const { name, kind, aftermath } of SWEEPS.filter(
  ({ aftermath }) => aftermath === undefined || aftermath === 'loader',
)) {
  test(`files in HDFS are exactly once when the process ${name} any one request`, async () => {
    await sweep([{ place, labels }], { kind, ...(aftermath === undefined ? {} : { aftermath }), isStruck: isHdfs });
  });
}

test('files in HDFS are exactly once when any one request without a body is delivered twice', async () => {
  await sweep([{ place, labels }], { kind: 'twice', isStruck: isWhole });
});
