import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { DuckDBInstance } from '@duckdb/node-api';
import avro from 'avsc';
import { FileGone, type FileState, type OutputListing } from '../testing/ledger/index.ts';

/** The columns of the ledger's records, as the setting of a sink. */
export const COLUMNS = [
  { field: 't', type: 'string' },
  { field: 'p', type: 'int32' },
  { field: 's', type: 'int64' },
  { field: 'x', type: 'string' },
  { field: 'pad', type: 'string' },
  { field: 'h', type: 'string' },
] as const;

type Row = Record<(typeof COLUMNS)[number]['field'], string | number>;

/** The line of a row, which the hash in it must fit as it did when it was written. */
const LINE = COLUMNS.map(
  ({ field, type }, index) =>
    `'${index === 0 ? '{' : ','}"${field}":' || ${type === 'string' ? `'"' || ${field} || '"'` : field}`,
)
  .concat(`'}'`)
  .join(' || ');

/**
 * An output of any format as the lines that were written to Kafka. DuckDB reads CSV, Parquet and zstd, avsc reads Avro. A file that they cannot read becomes a line that is no record. What lies elsewhere is read through files in `scratch`.
 */
export class DecodedOutput implements OutputListing {
  readonly #output: OutputListing;
  readonly #scratch: string;
  #duckDb: Promise<DuckDBInstance> | undefined;

  constructor(output: OutputListing, scratch: string) {
    this.#output = output;
    this.#scratch = scratch;
  }

  list(): Promise<string[]> {
    return this.#output.list();
  }

  look(): Promise<FileState[]> {
    return this.#output.look();
  }

  async *read(path: string): AsyncGenerator<Buffer> {
    const plain = path.replace(/\.gz$/, '');
    if (path.endsWith('.ndjson')) return yield* this.#output.read(path);
    const bytes = plain === path ? this.#copies(path) : through<Buffer>(this.#copies(path), createGunzip());
    try {
      if (plain.endsWith('.ndjson')) yield* bytes;
      else if (plain.endsWith('.avro')) yield* linesOfAvro(bytes);
      else yield* this.#linesOf(basename(plain), bytes);
    } catch (error) {
      if (error instanceof FileGone) throw error;
      yield Buffer.from(`unreadable: ${(error as Error).message.split('\n', 1)[0]}`);
    }
  }

  async *#linesOf(name: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.#duckDb ??= openDuckDb();
    const connection = await (await this.#duckDb).connect();
    await mkdir(this.#scratch, { recursive: true });
    // DuckDB keeps parts of files by their names, so no name comes twice.
    const file = join(this.#scratch, `${randomUUID()}-${name}`);
    try {
      await writeFile(file, bytes);
      const result = await connection.stream(`select ${selection(file)}`);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return;
        yield Buffer.from(`${chunk.getColumnValues(0).join('\n')}\n`);
      }
    } finally {
      connection.closeSync();
      await rm(file, { force: true });
    }
  }

  /** Chunks that stay as they are when the next one is asked for. */
  async *#copies(path: string): AsyncGenerator<Buffer> {
    for await (const chunk of this.#output.read(path)) yield Buffer.from(chunk);
  }
}

function through<Out>(bytes: AsyncIterable<Buffer>, decoder: Duplex): AsyncIterable<Out> {
  pipeline(bytes, decoder).catch(() => {}); // whoever reads from the decoder gets the error
  return decoder;
}

async function* linesOfAvro(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const rows = through<Row>(bytes, new avro.streams.BlockDecoder());
  for await (const { t, p, s, x, pad, h } of rows) yield Buffer.from(`${JSON.stringify({ t, p, s, x, pad, h })}\n`);
}

function selection(file: string): string {
  const name = `'${file.replaceAll("'", "''")}'`;
  if (file.includes('.parquet')) return `${LINE} from read_parquet(${name})`;
  if (file.includes('.csv')) return `${LINE} from read_csv(${name}, header = true, all_varchar = true)`;
  // The whole line is one column: nothing in it separates or quotes.
  return `line from read_csv(${name}, header = false, columns = {'line': 'varchar'}, delim = '\\x01', quote = '', escape = '')`;
}

/** Loaded when it is needed: it is the one part of the demo that is made for a certain machine. One thread keeps rows in order. */
async function openDuckDb(): Promise<DuckDBInstance> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  return await DuckDBInstance.create(':memory:', { threads: '1' });
}
