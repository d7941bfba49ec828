import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { compressionSettings } from '../../../../connectors/filesink/compression/settings.ts';

const schema = z.strictObject(compressionSettings);
const parse = (compression?: unknown) => schema.parse(compression === undefined ? {} : { compression }).compression;

test('a compression is named alone, or with a level', () => {
  assert.deepEqual(parse(), { type: 'none' });
  assert.deepEqual(parse('none'), { type: 'none' });
  assert.deepEqual(parse('gzip'), { type: 'gzip', level: 6 });
  assert.deepEqual(parse('zstd'), { type: 'zstd', level: 3 });
  assert.deepEqual(parse({ type: 'zstd' }), { type: 'zstd', level: 3 });
  assert.deepEqual(parse({ type: 'gzip', level: 9 }), { type: 'gzip', level: 9 });
  assert.deepEqual(parse({ type: 'zstd', level: 22 }), { type: 'zstd', level: 22 });
});

test('levels that a compression does not have are refused', () => {
  for (const given of [
    { type: 'gzip', level: 0 },
    { type: 'gzip', level: 10 },
    { type: 'zstd', level: 23 },
    { type: 'zstd', level: 1.5 },
    { type: 'none', level: 1 },
    'lz4',
  ])
    assert.equal(schema.safeParse({ compression: given }).success, false, JSON.stringify(given));
});
