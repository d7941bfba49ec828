import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CorruptData, OutputTooLarge } from '../../../connectors/kafka/codec-errors.ts';
import { decompress } from '../../../connectors/kafka/codecs.ts';
import { CODECS, type CodecKind, compressLz4, compressXerial } from '../../../testing/kafka/compressors.ts';

const COMPRESSED = ['gzip', 'snappy', 'xerial', 'lz4', 'zstd'] as const satisfies CodecKind[];

/** Bytes with repeats near and far, runs, and noise. */
const texts = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom('a', 'abcabcabc', '{"id":1}', 'x'.repeat(70)).map((text) => Buffer.from(text)),
    ),
    {
      maxLength: 60,
    },
  )
  .map((parts) => Buffer.concat(parts));

for (const kind of COMPRESSED) {
  const { id, compress } = CODECS[kind];

  test(`${kind}: what was compressed comes out the same`, () => {
    fc.assert(
      fc.property(texts, (input) => {
        assert.deepEqual(decompress(id, compress(input), input.length + 1), input);
      }),
    );
  });

  test(`${kind}: inputs of several blocks come out the same`, () => {
    const line = Buffer.from('{"id":17,"name":"somebody","country":"CH"}\n');
    const input = Buffer.concat(
      Array.from({ length: 6_000 }, (_, index) => Buffer.concat([line, Buffer.from(String(index * 7919))])),
    );
    assert.deepEqual(decompress(id, compress(input), input.length), input);
  });

  test(`${kind}: output beyond the limit is refused, and the limit itself is not`, () => {
    const input = Buffer.alloc(300_000, 'ab');
    const compressed = compress(input);
    assert.equal(decompress(id, compressed, input.length).length, input.length);
    assert.throws(() => decompress(id, compressed, input.length - 1), OutputTooLarge);
    assert.throws(() => decompress(id, compressed, 10), OutputTooLarge);
  });

  test(`${kind}: damaged or cut bytes give an error or other bytes within the limit, never a read out of bounds`, () => {
    const input = Buffer.from('abcdefgh'.repeat(40) + 'the quick brown fox jumps over the lazy dog'.repeat(3));
    const intact = compress(input);
    for (let at = 0; at < intact.length; at++) {
      for (const mask of [0x01, 0x80, 0x55, 0xff]) {
        const damaged = Buffer.from(intact);
        damaged[at] = (damaged[at] as number) ^ mask;
        assertContained(() => decompress(id, damaged, 4096), 4096);
      }
      assertContained(() => decompress(id, intact.subarray(0, at), 4096), 4096);
    }
  });

  test(`${kind}: noise is refused or stays within the limit`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        assertContained(() => decompress(id, Buffer.from(noise), 2048), 2048);
      }),
      { numRuns: 500 },
    );
  });
}

function assertContained(run: () => Buffer, bytesMax: number): void {
  let output: Buffer;
  try {
    output = run();
  } catch (error) {
    assert.ok(error instanceof CorruptData || error instanceof OutputTooLarge, String(error));
    return;
  }
  assert.ok(output.length <= bytesMax);
}

test('lz4 frames with stated size, linked blocks and checksums are read', () => {
  const input = Buffer.from('0123456789 abcdefghij '.repeat(9_000));
  for (const options of [
    { size: true },
    { checksums: true },
    { linked: true },
    { size: true, checksums: true, linked: true },
  ]) {
    assert.deepEqual(decompress(3, compressLz4(input, options), input.length), input);
  }
});

test('a stated size that cannot be true reserves no memory', () => {
  const frame = compressLz4(Buffer.from('small'), { size: true });
  frame.writeBigUInt64LE(200_000_000n, 6);
  assert.throws(() => decompress(3, frame, 256 << 20), CorruptData);
  const block = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0, 97]);
  assert.throws(() => decompress(2, block, 2 ** 31), CorruptData);
});

test('an xerial frame whose blocks together pass the limit is refused before the first one is decompressed', () => {
  const framed = compressXerial(Buffer.alloc(100_000, 'z'));
  assert.throws(() => decompress(2, framed, 99_999), OutputTooLarge);
});

test('elements that reach outside of their block or of what was written before are refused, each by itself', () => {
  const lz4 = (...block: number[]) =>
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0, block.length, 0, 0, 0, ...block, 0, 0, 0, 0]);
  // One literal `a`, then the last sequence of five literals: the frame itself is right.
  assert.equal(decompress(3, lz4(0x10, 97, 1, 0, 0x10, 98), 100).toString(), 'aaaaab');
  for (const [what, frame] of [
    ['literals behind the block', lz4(0x50, 97, 98)],
    ['a literal length without end', lz4(0xf0, 255)],
    ['a match before the start', lz4(0x10, 97, 2, 0, 0x10, 98)],
    ['a match at no distance', lz4(0x10, 97, 0, 0, 0x10, 98)],
    ['a match that is cut off', lz4(0x10, 97, 1)],
    ['a match length without end', lz4(0x1f, 97, 1, 0, 255)],
  ] as const) {
    assert.throws(() => decompress(3, frame, 100), CorruptData, what);
  }
  const snappy = (...bytes: number[]) => Buffer.from(bytes);
  assert.equal(decompress(2, snappy(5, 0, 97, 1, 1), 100).toString(), 'aaaaa');
  for (const [what, block] of [
    ['literals behind the data', snappy(5, 16, 97)],
    ['literals behind the stated length', snappy(1, 4, 97, 98)],
    ['a literal length that is cut off', snappy(70, 61 << 2, 1)],
    ['a copy behind the stated length', snappy(4, 0, 97, 1, 1)],
    ['a copy from before the start', snappy(5, 0, 97, 1, 2)],
    ['a copy at no distance', snappy(5, 0, 97, 1, 0)],
    ['copies that are cut off', snappy(5, 0, 97, 1)],
    ['copies of two bytes that are cut off', snappy(5, 0, 97, 2 | (3 << 2), 1)],
    ['copies of four bytes that are cut off', snappy(5, 0, 97, 3 | (3 << 2), 1, 0, 0)],
    ['less than stated', snappy(5, 0, 97)],
  ] as const) {
    assert.throws(() => decompress(2, block, 100), CorruptData, what);
  }
});

test('a codec that does not exist is corrupt data', () => {
  for (const codec of [5, 6, 7]) assert.throws(() => decompress(codec, Buffer.alloc(8), 100), CorruptData);
});
