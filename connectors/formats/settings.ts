import { z } from 'zod';
import { type Ids, type LineFormat, unreachable } from '../../core/spi.ts';
import { type AvroSettings, avroFormat, avroSettings } from './avro.ts';
import { type ColumnSettings, checkColumnSettings, columnSettings, columnsOf } from './columns.ts';
import { type CsvSettings, checkCsvSettings, csvFormat, csvSettings } from './csv.ts';
import { type EnvelopeSettings, envelopeFormat, envelopeSettings } from './envelope.ts';
import { parquetFormat } from './parquet/encoder.ts';
import { type ParquetSettings, parquetSettings } from './parquet/settings.ts';
import type { RecordFormat } from './part-encoder.ts';
import { rowReader } from './rows.ts';

const FORMATS = ['ndjson', 'raw', 'csv', 'avro', 'parquet'] as const;
const NEWLINE = '\n';

/** The keys of a sink whose files have a format. Refine the whole object with `checkFormatSettings`. */
export const formatSettings = {
  format: z
    .enum(FORMATS)
    .prefault('ndjson')
    .describe(
      'What a file looks like. `ndjson`: one JSON value per line; a newline inside a value becomes a space. `raw`: values as ' +
        'they are, each followed by the delimiter. `csv`, `avro` and `parquet`: the columns of JSON values.',
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
        '`null` (ndjson), an empty value (raw) or nulls in all columns of the value.',
    ),
  ...envelopeSettings,
  ...columnSettings,
  ...csvSettings,
  ...avroSettings,
  ...parquetSettings,
};

export interface FormatSettings extends ColumnSettings {
  readonly format: (typeof FORMATS)[number];
  readonly delimiter?: string | undefined;
  readonly nulls: 'fail' | 'skip' | 'write';
  readonly envelope?: EnvelopeSettings | undefined;
  readonly csv?: CsvSettings | undefined;
  readonly avro?: AvroSettings | undefined;
  readonly parquet?: ParquetSettings | undefined;
}

/** Which keys belong to which format only. */
const KEYS_OF: Readonly<Record<string, readonly FormatSettings['format'][]>> = {
  delimiter: ['raw'],
  envelope: ['ndjson'],
  columns: ['csv', 'avro', 'parquet'],
  schema: ['csv', 'avro', 'parquet'],
  csv: ['csv'],
  avro: ['avro'],
  parquet: ['parquet'],
};

/** For `superRefine`: what no single key can say. */
export function checkFormatSettings(settings: FormatSettings, context: z.RefinementCtx): void {
  const { format } = settings;
  for (const [key, formats] of Object.entries(KEYS_OF)) {
    if (settings[key as keyof FormatSettings] === undefined || formats.includes(format)) continue;
    const message = `format ${format} has no ${key}; it belongs to ${formats.join(', ')}`;
    context.addIssue({ code: 'custom', path: [key], message });
  }
  if (hasColumns(format)) checkColumnSettings(settings, context);
  checkCsvSettings(settings, context);
}

function hasColumns(format: FormatSettings['format']): boolean {
  return KEYS_OF.columns?.includes(format) ?? false;
}

/** A format that takes values as they are, or one that looks into records. */
export type Format = { readonly kind: 'lines'; readonly line: LineFormat; readonly extension: string } | RecordKind;
type RecordKind = { readonly kind: 'records'; readonly format: RecordFormat; readonly extension: string };

/** The format that checked settings ask for. Throws `config` for columns that a format cannot hold. */
export function formatOf(settings: FormatSettings, { ids }: { ids: Ids }): Format {
  switch (settings.format) {
    case 'ndjson':
      return settings.envelope === undefined ? lines(settings, 'rewrite') : records(envelopeFormat(settings.envelope));
    case 'raw':
      return lines(settings, 'pass');
    case 'csv':
      return records(csvFormat(columnsOf(settings), settings.csv ?? csvSettings.csv.unwrap().parse({})));
    case 'avro':
      return records(avroFormat(columnsOf(settings), settings.avro ?? avroSettings.avro.unwrap().parse({}), { ids }));
    case 'parquet': {
      const columns = columnsOf(settings);
      const parquet = settings.parquet ?? parquetSettings.parquet.unwrap().parse({});
      return records(parquetFormat({ columns, rowOf: rowReader(columns), settings: parquet }));
    }
    default:
      return unreachable(settings.format);
  }
}

function lines({ format, delimiter = NEWLINE, nulls }: FormatSettings, newlines: LineFormat['newlines']): Format {
  const line = { delimiter: Buffer.from(delimiter)[0] as number, newlines, nulls };
  return { kind: 'lines', line, extension: format };
}

function records(format: RecordFormat): Format {
  return { kind: 'records', format, extension: format.extension };
}
