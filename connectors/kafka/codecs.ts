import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { CorruptData, OutputTooLarge } from './codec-errors.ts';
import { decompressLz4 } from './lz4.ts';
import { decompressSnappy } from './snappy.ts';

/** Compression of a batch, by the number in its attributes. */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/**
 * Decompresses the records of a batch. Throws `OutputTooLarge` before more than `bytesMax` come out, and `CorruptData` for
 * bytes that are not what the codec's format says.
 */
export function decompress(codec: number, source: Buffer, bytesMax: number): Buffer {
  switch (codec) {
    case 1:
      return withZlib(gunzipSync, source, bytesMax);
    case 2:
      return decompressSnappy(source, bytesMax);
    case 3:
      return decompressLz4(source, bytesMax);
    case 4:
      return withZlib(zstdDecompressSync, source, bytesMax);
    default:
      throw new CorruptData(`unknown codec ${codec}`);
  }
}

function withZlib(
  run: (source: Buffer, options: { maxOutputLength: number }) => Buffer,
  source: Buffer,
  bytesMax: number,
): Buffer {
  try {
    return run(source, { maxOutputLength: bytesMax });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new OutputTooLarge(bytesMax);
    throw new CorruptData((error as Error).message);
  }
}
