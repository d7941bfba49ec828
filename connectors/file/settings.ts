import { z } from 'zod';
import { fileSinkSettings } from '../filesink/settings.ts';
import { checkLineSettings, lineSettings } from '../formats/line-formats.ts';

/** `sink: { type: file, ... }`. */
export const fileSettings = z
  .strictObject({
    type: z.literal('file'),
    path: z
      .string()
      .min(1)
      .describe('The directory that files go to, one directory per topic below it. Made when it does not exist.'),
    ...lineSettings,
    ...fileSinkSettings,
  })
  .superRefine(checkLineSettings);

/** `checkpoints.store: { type: file, ... }`. */
export const fileStoreSettings = z.strictObject({
  type: z.literal('file'),
  path: z
    .string()
    .min(1)
    .describe('The directory that checkpoints are kept in: on a disk that survives this machine’s restart.'),
});
