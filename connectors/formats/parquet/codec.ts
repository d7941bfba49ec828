import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import type { ParquetSettings } from './settings.ts';

export type Codec = ParquetSettings['compression'];

const NAMES = { zstd: 'ZSTD', snappy: 'SNAPPY', gzip: 'GZIP', none: 'UNCOMPRESSED' } as const;
const ZSTD_LEVEL = 3;

/** How the format calls a codec. */
export function codecName(codec: Codec): (typeof NAMES)[Codec] {
  return NAMES[codec];
}

type Compress = (page: Uint8Array) => Uint8Array;

/** From zlib of Node; snappy is the library's own, in JavaScript. */
export const compressors: { [name in 'ZSTD' | 'SNAPPY' | 'GZIP']: Compress } & { UNCOMPRESSED?: Compress } = {
  ZSTD: (page) => zstdCompressSync(page, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
  SNAPPY: snappyCompress,
  GZIP: (page) => gzipSync(page),
};
