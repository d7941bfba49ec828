import { z } from 'zod';
import { size } from '../../../core/spi.ts';

/** The keys of a sink that writes Parquet. */
export const parquetSettings = {
  parquet: z
    .strictObject({
      rowGroupBytes: size({ minBytes: 64 * 1024, maxBytes: 1024 ** 3 })
        .prefault('32MiB')
        .describe(
          'A row group is written once its compressed pages, and what is gathered for the next ones, take this much ' +
            'memory, about. In the file it is a little smaller.',
        ),
      compression: z
        .enum(['zstd', 'snappy', 'gzip', 'none'])
        .prefault('zstd')
        .describe(
          'How pages are compressed. `zstd` is smaller and takes less CPU time here than `snappy`; choose `snappy` or ' +
            '`gzip` for readers that do not know it.',
        ),
    })
    .optional()
    .describe('How Parquet files are written.'),
};

/** What `parquetSettings` gives. */
export interface ParquetSettings {
  readonly rowGroupBytes: number;
  readonly compression: 'zstd' | 'snappy' | 'gzip' | 'none';
}
