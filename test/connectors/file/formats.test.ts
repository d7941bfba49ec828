import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { datagen } from '../../../connectors/datagen/index.ts';
import { file } from '../../../connectors/file/index.ts';
import { pipeline } from '../../../core/index.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { CASES, type FormatCase, filesPerPartition, PARTITIONS } from './support/formats.ts';

const COUNT = 20_000;

/** Runs a whole pipeline on this disk, with checkpoints amid the stream, and gives the pattern of its files. */
async function written(t: TestContext, options: FormatCase['options']): Promise<string> {
  const path = await temporaryDirectory(t);
  const source = datagen({ topic: 'clicks', partitions: PARTITIONS, count: COUNT, rate: COUNT * 2 });
  const sink = file({ path, directory: '{topic}/p={partition}', ...options });
  await pipeline({ name: 'formats', source, sink, checkpoints: { interval: '100ms' } }).run();
  return join(path, 'clicks', '*', '*');
}

for (const { what, options, check } of CASES) {
  test(what, async (t) => {
    const files = await written(t, options);

    assert.ok(
      filesPerPartition(files).some((count) => count > 1),
      'checkpoints amid the stream',
    );
    await check(t, files, COUNT);
  });
}
