import { z } from 'zod';
import { duration, size } from '../../core/spi.ts';
import { checkFormatSettings, type FormatSettings, formatSettings } from '../formats/settings.ts';
import { type Compression, compressionSettings } from './compression/settings.ts';
import type { DirectoryTemplate } from './directories/template.ts';
import { checkDirectorySettings, directorySettings, type TimeSettings } from './directories/time-settings.ts';

/** When a part is closed. */
export interface Roll {
  /** At every checkpoint; otherwise it stays open until one of the other limits is reached, or the run ends. */
  readonly onCheckpoint: boolean;
  readonly bytes: number;
  readonly records: number;
  /** Milliseconds since the file was begun, and since its last record. */
  readonly age?: number | undefined;
  readonly idle?: number | undefined;
}

/** The keys that every file-like sink has. Refine the whole object with `checkOutputSettings`. */
export const outputSettings = {
  ...directorySettings,
  ...formatSettings,
  ...compressionSettings,
  roll: z
    .strictObject({
      onCheckpoint: z
        .boolean()
        .prefault(true)
        .describe(
          'Whether every checkpoint closes all files. With `false` they stay open until `bytes`, `records`, `age` or `idle` says ' +
            'so, and a restart closes them where its checkpoint was. Give `age` or `idle` then: the last records of a quiet ' +
            'topic would else not be seen before the run ends.',
        ),
      bytes: size().prefault('1GiB').describe('A file is closed once it is this large, before its checkpoint.'),
      records: z
        .int()
        .min(1)
        .prefault(Number.MAX_SAFE_INTEGER)
        .describe('A file is closed once it holds this many records, before its checkpoint.'),
      age: duration({ minMs: 100 })
        .optional()
        .describe('A file is closed so long after it was begun, before its checkpoint.'),
      idle: duration({ minMs: 100 })
        .optional()
        .describe('A file is closed once no record came for so long, before its checkpoint.'),
    })
    .prefault({})
    .describe('When to begin a new file.'),
  maxOpenParts: z
    .int()
    .min(1)
    .prefault(512)
    .describe('Files being written at a time; one more closes the least recently written one early.'),
  takenByReaders: z
    .enum(['fail', 'assume'])
    .prefault('fail')
    .describe(
      'What to believe when a file is neither staged nor under its final name: `fail` stops with data loss, `assume` takes ' +
        'it that a reader has moved it away.',
    ),
};

/** What every file-like sink lets its user say about files. */
export interface OutputSettings extends FormatSettings {
  readonly directory: DirectoryTemplate;
  readonly time?: TimeSettings | undefined;
  readonly compression: Compression;
  readonly roll: Roll;
  readonly maxOpenParts: number;
}

/** For `superRefine`: what no single key can say. */
export function checkOutputSettings(settings: OutputSettings, context: z.RefinementCtx): void {
  checkFormatSettings(settings, context);
  checkDirectorySettings(settings, context);
  const { format, compression } = settings;
  if (compression.type === 'none' || (format !== 'avro' && format !== 'parquet')) return;
  const own = format === 'avro' ? 'avro.codec' : 'parquet.compression';
  context.addIssue({
    code: 'custom',
    path: ['compression'],
    message: `files of format ${format} are compressed inside, or nobody could read a part of one: use ${own}`,
  });
}
