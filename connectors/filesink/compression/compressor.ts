import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { unreachable } from '../../../core/spi.ts';
import type { ActiveCompression } from './settings.ts';

const gzipped = promisify(gzip);
const zstdCompressed = promisify(zstdCompress);
const OUTPUT_BYTES_MIN = 1024;

/** Turns a chunk into a whole gzip member or zstd frame, the same one every time. */
export interface Compressor {
  /** Reads the chunk until it settles, either way. */
  compress(chunk: Buffer): Promise<Buffer>;
}

/** Compresses on the threads of libuv. A context of its own for each call costs no more than one that is reset. */
export function nodeCompressor(compression: ActiveCompression): Compressor {
  const { type, level } = compression;
  switch (type) {
    case 'gzip':
      return { compress: (chunk) => gzipped(chunk, { level, chunkSize: outputBytes(chunk) }) };
    case 'zstd': {
      const params = { [constants.ZSTD_c_compressionLevel]: level };
      // Knowing the size, zstd takes no more memory than the chunk needs, and readers learn it from the frame.
      return {
        compress: (chunk) =>
          zstdCompressed(chunk, { params, pledgedSrcSize: chunk.length, chunkSize: outputBytes(chunk) }),
      };
    }
    default:
      return unreachable(type);
  }
}

/** Node hands each piece of output over on the main thread: with this size there is one for most chunks. */
function outputBytes(chunk: Buffer): number {
  return Math.max(OUTPUT_BYTES_MIN, chunk.length >> 2);
}
