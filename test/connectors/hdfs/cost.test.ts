import assert from 'node:assert/strict';
import { test } from 'node:test';
import { records } from '../../../testing/conformance/sink-harness.ts';
import { SinkRun } from '../../../testing/conformance/sink-run.ts';
import type { HdfsModel } from '../../../testing/hdfs/model.ts';
import { newModel, sinkOn, storeOn } from './support/scene.ts';

/** What NameNodes were asked since the last look, by operation; DataNodes ask them, too, which is not counted here. */
function asked(model: HdfsModel): Record<string, number> {
  const counts = [...model.requestCounts].filter(([name]) => name.startsWith('nameNode.'));
  model.requestCounts.clear();
  return Object.fromEntries(counts.map(([name, count]) => [name.slice('nameNode.'.length), count]).sort());
}

test('a file costs a NameNode three calls, and one more for the first of a topic', async () => {
  const model = newModel();
  await using run = await SinkRun.start(sinkOn(model));
  await run.write(records('t/0', 0, 5));
  await run.commit(await run.cut());
  asked(model);

  await run.write(records('t/0', 5, 5));
  await run.commit(await run.cut());
  assert.deepEqual(asked(model), { CREATE: 1, GETFILESTATUS: 1, RENAME: 1 });

  await run.write(records('other/0', 0, 5));
  await run.commit(await run.cut());
  assert.deepEqual(asked(model), { CREATE: 1, GETFILESTATUS: 1, MKDIRS: 1, RENAME: 1 });
});

test('a slot costs a NameNode two calls to write, one to delete and one to list', async () => {
  const model = newModel();
  const store = storeOn(model);
  await store.createIfAbsent('p/000001/0000/000000000001.json', Buffer.from('{}'));
  asked(model);

  await store.createIfAbsent('p/000001/0000/000000000002.json', Buffer.from('{}'));
  assert.deepEqual(asked(model), { CREATE: 1, RENAME: 1 });

  await store.delete('p/000001/0000/000000000001.json');
  assert.deepEqual(await store.list('p/000001/0000/', ''), ['p/000001/0000/000000000002.json']);
  assert.deepEqual(asked(model), { DELETE: 1, LISTSTATUS_BATCH: 1 });
});
