import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { checkOutputSettings, outputSettings } from '../../../connectors/filesink/settings.ts';

const schema = z.strictObject(outputSettings).superRefine(checkOutputSettings);
const issuesOf = (input: unknown) =>
  schema.safeParse(input).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

test('a sink that says nothing of its files has one directory for each topic, and closes files at checkpoints', () => {
  const { directory, compression, roll, maxOpenParts } = schema.parse({});
  assert.deepEqual([directory.text, compression, maxOpenParts], ['{topic}', { type: 'none' }, 512]);
  assert.deepEqual([roll.age, roll.idle], [undefined, undefined]);
});

test('files that are compressed inside are not compressed as a whole, and it is said what to use', () => {
  for (const [format, own] of [
    ['parquet', 'parquet.compression'],
    ['avro', 'avro.codec'],
  ]) {
    const [issue, ...more] = issuesOf({ format, columns: ['a'], compression: 'zstd' });
    assert.match(issue ?? '', new RegExp(`^compression: .*${own}`));
    assert.deepEqual(more, []);
    assert.deepEqual(issuesOf({ format, columns: ['a'], compression: 'none' }), []);
  }
  assert.deepEqual(issuesOf({ format: 'csv', columns: ['a', 'b'], compression: 'zstd' }), []);
});

test('what is wrong with formats and with directories is told together', () => {
  const issues = issuesOf({ format: 'csv', time: {} });
  assert.match(issues.join('\n'), /^columns: expected columns.*\ntime: directory has no \{time/);
});
