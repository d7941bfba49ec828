import { z } from 'zod';
import { checkOutputSettings, outputSettings } from '../filesink/settings.ts';

/** `sink: { type: file, ... }`. */
export const fileSettings = z
  .strictObject({
    type: z.literal('file'),
    path: z
      .string()
      .min(1)
      .describe(
        'The directory that files go to; `directory` says how they are sorted below it. Made when it does not exist.',
      ),
    ...outputSettings,
  })
  .superRefine(checkOutputSettings);

/** `checkpoints.store: { type: file, ... }`. */
export const fileStoreSettings = z.strictObject({
  type: z.literal('file'),
  path: z
    .string()
    .min(1)
    .describe('The directory that checkpoints are kept in: on a disk that survives this machine’s restart.'),
});
