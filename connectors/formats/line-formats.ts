import { z } from 'zod';
import type { LineFormat } from '../../core/spi.ts';

const NEWLINE = '\n';

/** The keys of a sink that writes one line per record. Refine the whole object with `checkLineSettings`. */
export const lineSettings = {
  format: z
    .enum(['ndjson', 'raw'])
    .prefault('ndjson')
    .describe(
      'What a file looks like. `ndjson`: one JSON value per line; a newline inside a value becomes a space. ' +
        '`raw`: values as they are, each followed by the delimiter.',
    ),
  delimiter: z
    .string()
    .refine((text) => Buffer.byteLength(text) === 1, 'expected a single byte, for example "\\n", "\\0" or "\\t"')
    .optional()
    .describe('The byte after every value of format raw; a newline when left out.'),
  nulls: z
    .enum(['fail', 'skip', 'write'])
    .prefault('fail')
    .describe(
      'What to do with records without a value (tombstones): `fail` stops, `skip` leaves them out, `write` writes ' +
        '`null` (ndjson) or an empty value (raw).',
    ),
};

export interface LineSettings {
  readonly format: 'ndjson' | 'raw';
  readonly delimiter?: string | undefined;
  readonly nulls: 'fail' | 'skip' | 'write';
}

/** For `superRefine`: what no single key can say. */
export function checkLineSettings(settings: LineSettings, context: z.RefinementCtx): void {
  if (settings.delimiter === undefined || settings.format === 'raw') return;
  context.addIssue({
    code: 'custom',
    path: ['delimiter'],
    message: `only format raw has a delimiter; ${settings.format} always ends a line with a newline`,
  });
}

/** How lines are packed, and what the file's name ends in. */
export function lineFormat({ format, delimiter = NEWLINE, nulls }: LineSettings): {
  line: LineFormat;
  extension: string;
} {
  const newlines = format === 'ndjson' ? 'rewrite' : 'pass';
  return { line: { delimiter: Buffer.from(delimiter)[0] as number, newlines, nulls }, extension: format };
}
