import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { webHdfs } from '../../connectors/hdfs/index.ts';
import { sluice } from '../cli/sluice.ts';
import { sharedHdfs } from '../services/hdfs.ts';

/** A folder with a pipeline that makes 100 records. */
function pipeline(t: TestContext, sink: object, store: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-doctor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const settings = {
    name: 'clicks',
    source: { type: 'datagen', partitions: 2, count: 100 },
    sink: { type: 'hdfs', format: 'ndjson', ...sink },
    checkpoints: { interval: '200ms', store: { type: 'hdfs', ...store } },
  };
  writeFileSync(join(folder, 'p.yaml'), JSON.stringify(settings));
  return folder;
}

test('on a real cluster doctor finds no problem and leaves no file, and no directory for the sink', async (t) => {
  const hdfs = await sharedHdfs(t);
  if (hdfs === undefined) return;
  const { urls, user } = hdfs;
  const home = `/test/${randomBytes(8).toString('hex')}`;
  const where = (path: string) => ({ urls, user, path: `${home}/${path}` });
  const folder = pipeline(t, where('clicks'), where('_sluice'));

  const { code, stdout, stderr } = await sluice(t, folder, ['doctor', 'p.yaml']).ended;

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, stdout);
  assert.match(stdout, /ok {7}http\S+ answers, and this user may write into hdfs:\//);
  assert.match(stdout, /ok {7}DataNodes can be written to and read from here/);
  assert.match(stdout, /ok {7}the clocks of cluster and machine agree/);
  assert.match(stdout, /ok {7}a file is renamed strictly/);
  assert.match(stdout, /ok {7}of 8 creates of one key at once one wins/);
  const client = webHdfs({ urls: [...urls], user });
  assert.equal((await client.getContentSummary(home)).files, 0);
  assert.equal(await client.getFileStatus(`${home}/clicks`), undefined);
});
