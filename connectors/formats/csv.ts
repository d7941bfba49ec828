import { z } from 'zod';
import { SluiceError } from '../../core/spi.ts';
import { cellText } from './cells.ts';
import { LineEncoder, type WriteLine } from './line-encoder.ts';
import type { RecordFormat } from './part-encoder.ts';
import type { Column, RowValue } from './row-schema.ts';
import { rowReader } from './rows.ts';

/** The keys of format `csv`, beside its columns. Refine the whole object with `checkCsvSettings`. */
export const csvSettings = {
  csv: z
    .strictObject({
      header: z.boolean().prefault(true).describe('Whether every file begins with the names of its columns.'),
      delimiter: z
        .string()
        // What numbers, times, quotes and lines are made of would have to be quoted in every cell.
        .regex(/^[^A-Za-z0-9"+\-.:\r\n]$/, 'expected one character, such as , ; | or "\\t"')
        .prefault(',')
        .describe('The character between cells.'),
      quote: z
        .enum(['minimal', 'all'])
        .prefault('minimal')
        .describe('Which cells are in quotes: those that need it (`minimal`), or `all` but nulls.'),
      null: z
        .string()
        .regex(/^[^"\r\n]*$/, 'a quote or a newline cannot stand for null')
        .prefault('')
        .describe('What stands for null, never in quotes. A text that is the same is in quotes, so they stay apart.'),
      newline: z
        .enum(['lf', 'crlf'])
        .prefault('lf')
        .describe('What ends a line: `lf` or, after the letter of RFC 4180, `crlf`.'),
      formulaGuard: z
        .boolean()
        .prefault(false)
        .describe(
          "Puts a ' before texts that begin with = + - @ tab or carriage return, which spreadsheets take for formulas. " +
            'Columns of numbers and times stay as they are.',
        ),
    })
    .optional()
    .describe('How cells and lines are written, after RFC 4180.'),
};

export interface CsvSettings {
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: 'minimal' | 'all';
  readonly null: string;
  readonly newline: 'lf' | 'crlf';
  readonly formulaGuard: boolean;
}

/** For `superRefine`: what no single key can say. */
export function checkCsvSettings({ csv }: { readonly csv?: CsvSettings | undefined }, context: z.RefinementCtx): void {
  if (csv === undefined || !csv.null.includes(csv.delimiter)) return;
  context.addIssue({ code: 'custom', path: ['csv', 'null'], message: 'the delimiter cannot be a part of it' });
}

/** Files of comma-separated values, one line per record. Throws `config` where a line could be empty. */
export function csvFormat(columns: readonly Column[], settings: CsvSettings): RecordFormat {
  const [first] = columns;
  if (settings.null === '' && columns.length === 1 && first?.nullable === true)
    throw new SluiceError('config', 'CSV_EMPTY_LINES', {
      message: `a null in the only column, ${first.name}, would be an empty line, which readers skip`,
      help: 'Set csv.null to a text such as NULL, or the column to nullable: false.',
    });
  const read = rowReader(columns);
  const lines = new CsvLines(columns, settings);
  const header = lines.header();
  const write: WriteLine = (record, out, isFirst) => {
    const line = lines.line(read(record));
    if (isFirst) out.text(header);
    out.text(line);
  };
  return { extension: 'csv', begin: () => new LineEncoder(write) };
}

/** How rows become lines. */
class CsvLines {
  readonly #columns: readonly Column[];
  readonly #settings: CsvSettings;
  readonly #special: RegExp;
  readonly #nullText: string;
  readonly #newline: string;

  constructor(columns: readonly Column[], settings: CsvSettings) {
    this.#columns = columns;
    this.#settings = settings;
    this.#special = new RegExp(`["\\r\\n${escaped(settings.delimiter)}]`);
    this.#nullText = settings.null;
    this.#newline = settings.newline === 'crlf' ? '\r\n' : '\n';
  }

  header(): string {
    if (!this.#settings.header) return '';
    return `${this.#columns.map(({ name }) => this.#quoted(name)).join(this.#settings.delimiter)}${this.#newline}`;
  }

  line(row: readonly RowValue[]): string {
    let line = '';
    for (let index = 0; index < row.length; index++) {
      if (index > 0) line += this.#settings.delimiter;
      line += this.#cell(row[index] as RowValue, this.#columns[index] as Column);
    }
    return line + this.#newline;
  }

  #cell(value: RowValue, { type }: Column): string {
    if (value === null) return this.#nullText;
    const text = cellText(value, type);
    switch (type.kind) {
      case 'string':
      case 'bytes':
        return this.#quoted(this.#settings.formulaGuard && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
      case 'json':
      case 'list':
      case 'struct':
        return this.#quoted(text);
      default:
        // None of these holds what has to be quoted, but a number may be the text of null.
        return this.#settings.quote === 'all' || text === this.#nullText ? `"${text}"` : text;
    }
  }

  #quoted(text: string): string {
    const bare = this.#settings.quote === 'minimal' && text !== this.#nullText && !this.#special.test(text);
    return bare ? text : `"${text.replaceAll('"', '""')}"`;
  }
}

function escaped(character: string): string {
  return /[\\\]^-]/.test(character) ? `\\${character}` : character;
}
