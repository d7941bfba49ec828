import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { parquetSettings } from '../../../../connectors/formats/parquet/settings.ts';

const settings = z.strictObject(parquetSettings);

test('without any key, row groups are of 32 MiB and compressed with zstd', () => {
  assert.deepEqual(settings.parse({ parquet: {} }), {
    parquet: { rowGroupBytes: 32 * 1024 ** 2, compression: 'zstd' },
  });
});

test('a codec and a size that cannot be are refused', () => {
  assert.equal(settings.safeParse({ parquet: { compression: 'lzo' } }).success, false);
  assert.equal(settings.safeParse({ parquet: { rowGroupBytes: '1KiB' } }).success, false);
});
