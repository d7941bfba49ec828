import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { CorruptData, OutputTooLarge } from './codec-errors.ts';
import { decompressLz4 } from './lz4.ts';
import { freshScratch, type Scratch } from './scratch.ts';
import { decompressSnappy } from './snappy.ts';

/** Compression of a batch, by the number in its attributes. */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** zlib's pieces when nothing is known about the output. */
const PIECE_BYTES_MIN = 64 * 1024;

/**
 * Decompresses the records of a batch, into `scratch` where the codec allows it. Throws `OutputTooLarge` before more than
 * `bytesMax` come out, and `CorruptData` for bytes that are not what the codec's format says.
 */
export function decompress(codec: number, source: Buffer, bytesMax: number, scratch: Scratch = freshScratch()): Buffer {
  switch (codec) {
    case 1:
      return withZlib(gunzipSync, source, bytesMax, scratch);
    case 2:
      return decompressSnappy(source, bytesMax, scratch);
    case 3:
      return decompressLz4(source, bytesMax, scratch);
    case 4:
      return withZlib(zstdDecompressSync, source, bytesMax, scratch);
    default:
      throw new CorruptData(`unknown codec ${codec}`);
  }
}

function withZlib(
  run: (source: Buffer, options: { maxOutputLength: number; chunkSize: number }) => Buffer,
  source: Buffer,
  bytesMax: number,
  scratch: Scratch,
): Buffer {
  // With the output in one piece zlib need not put pieces together; batches of one producer come out about the same size.
  const chunkSize = Math.min(bytesMax, Math.max(PIECE_BYTES_MIN, Math.ceil(scratch.lastBytes * 1.125)));
  try {
    const output = run(source, { maxOutputLength: bytesMax, chunkSize: Math.max(64, chunkSize) });
    scratch.lastBytes = output.length;
    return output;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new OutputTooLarge(bytesMax);
    throw new CorruptData((error as Error).message);
  }
}
