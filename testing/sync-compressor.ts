import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Compressor } from '../connectors/filesink/compression/compressor.ts';
import type { ActiveCompression } from '../connectors/filesink/compression/settings.ts';

/** Compresses within the call, for virtual time, where threads would answer at random moments. */
export function syncCompressor({ type, level }: ActiveCompression): Compressor {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return {
    compress: async (chunk) =>
      type === 'gzip' ? gzipSync(chunk, { level }) : zstdCompressSync(chunk, { params, pledgedSrcSize: chunk.length }),
  };
}
