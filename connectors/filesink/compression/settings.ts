import { z } from 'zod';

export type Compression = { type: 'none' } | ActiveCompression;

/** Anything but `none`. */
export type ActiveCompression = { type: 'gzip' | 'zstd'; level: number };

/** What a file name ends in, after the extension of the format. */
export const COMPRESSION_EXTENSIONS = { gzip: 'gz', zstd: 'zst' } as const;

const LEVELS = { gzip: 6, zstd: 3 } as const;

const level = (levelMax: number) =>
  z
    .int()
    .min(1)
    .max(levelMax)
    .optional()
    .describe(
      `gzip from 1 (fast) to 9 (small), ${LEVELS.gzip} when left out; zstd from 1 to 22, ${LEVELS.zstd} when left out.`,
    );

const withLevel = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('gzip').describe('Every program reads it. File names end in .gz.'),
    level: level(9),
  }),
  z.strictObject({
    type: z.literal('zstd').describe('Smaller for the same time. File names end in .zst.'),
    level: level(22),
  }),
]);

/** The key of every sink that can compress its files. */
export const compressionSettings = {
  compression: z
    .union([z.enum(['none', 'gzip', 'zstd']), withLevel])
    .prefault('none')
    .transform((given): Compression => {
      if (given === 'none') return { type: given };
      const { type, level } = typeof given === 'string' ? { type: given } : given;
      return { type, level: level ?? LEVELS[type] };
    })
    .describe('How files are compressed: by name, or by type and level.'),
};
