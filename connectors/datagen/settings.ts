import { z } from 'zod';

/** `source: { type: datagen, ... }`. */
export const datagenSettings = z.strictObject({
  type: z.literal('datagen'),
  topic: z.string().min(1).prefault('datagen').describe('The topic that the records seem to come from.'),
  partitions: z.int().min(1).max(100_000).prefault(4).describe('How many partitions they are spread over.'),
  rate: z
    .number()
    .positive()
    .optional()
    .describe('Records per second over all partitions; as fast as they are taken when left out.'),
  count: z.int().min(0).optional().describe('Records over all partitions, then the run ends; for ever when left out.'),
  seed: z
    .int()
    .min(0)
    .max(0xffff_ffff)
    .prefault(0)
    .describe('Another seed gives other records; the same seed always gives the same.'),
  valueBytes: z
    .int()
    .min(1)
    .max(1024 * 1024)
    .prefault(100)
    .describe('Length of each value; values that need more for their numbers are longer.'),
});

export type DatagenSettings = z.output<typeof datagenSettings>;
export type DatagenInput = z.input<typeof datagenSettings>;
