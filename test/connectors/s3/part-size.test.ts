import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FILE_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX, partBytesAt } from '../../../connectors/s3/part-size.ts';

test('the largest file has fewer parts than S3 takes, even when they begin as small as they may', () => {
  let bytes = 0;
  let number = 0;
  while (bytes < FILE_BYTES_MAX) bytes += partBytesAt(++number, PART_BYTES_MIN);

  assert.ok(number < PARTS_MAX, `${number} parts`);
});

test('parts never shrink, and the first thousand have the size asked for', () => {
  const sizes = Array.from({ length: PARTS_MAX }, (_, index) => partBytesAt(index + 1, PART_BYTES_MIN));

  assert.ok(sizes.slice(0, 1000).every((bytes) => bytes === PART_BYTES_MIN));
  assert.ok(sizes.every((bytes, index) => index === 0 || bytes >= (sizes[index - 1] as number)));
  assert.equal(sizes.at(-1), 9 * PART_BYTES_MIN);
});
