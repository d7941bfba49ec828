import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import avro from 'avsc';
import { COLUMNS, DecodedOutput } from '../../demo/decoded-output.ts';
import { auditOutput, encodeRecord, FolderOutput, isExact, Ledger } from '../../testing/ledger/index.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';

const COUNT = 5_000;
const NAME = 'clicks-000000000001-00000001';
const LINES = Array.from(
  { length: COUNT },
  (_, sequence) => `${encodeRecord({ topic: 'clicks', partition: 0, sequence, planned: 'commit' }, 120)}\n`,
).join('');

/** Writes the same records as other programs do. */
const WRITERS: Record<string, (folder: string) => Promise<void>> = {
  ndjson: (folder) => writeFile(join(folder, `${NAME}.ndjson`), LINES),
  'ndjson.gz': (folder) => {
    const half = LINES.indexOf('\n', LINES.length / 2) + 1;
    const members = [LINES.slice(0, half), LINES.slice(half)].map((lines) => gzipSync(lines));
    return writeFile(join(folder, `${NAME}.ndjson.gz`), Buffer.concat(members));
  },
  'ndjson.zst': (folder) => copyWithDuckDb(folder, 'ndjson.zst', 'format json, compression zstd'),
  'csv.gz': (folder) => copyWithDuckDb(folder, 'csv.gz', 'format csv, header, compression gzip'),
  'csv.zst': (folder) => copyWithDuckDb(folder, 'csv.zst', 'format csv, header, compression zstd'),
  csv: (folder) => copyWithDuckDb(folder, 'csv', 'format csv, header'),
  parquet: (folder) => copyWithDuckDb(folder, 'parquet', 'format parquet, compression zstd, row_group_size 2048'),
  avro: async (folder) => {
    const fields = COLUMNS.map(({ field, type }) => ({
      name: field,
      type: ({ int32: 'int', int64: 'long' } as Record<string, string>)[type] ?? type,
    }));
    const encoder = new avro.streams.BlockEncoder(avro.Type.forSchema({ type: 'record', name: 'Row', fields }));
    const written = pipeline(encoder, createWriteStream(join(folder, `${NAME}.avro`)));
    for (const line of LINES.trimEnd().split('\n')) encoder.write(JSON.parse(line));
    encoder.end();
    await written;
  },
};

for (const [extension, write] of Object.entries(WRITERS)) {
  test(`${extension} is read as the lines that were written`, async (t) => {
    const folder = await temporaryDirectory(t);
    await write(folder);

    let lines = '';
    for await (const chunk of decoded(folder).read(`${NAME}.${extension}`)) lines += chunk;

    assert.ok(lines === LINES, `${lines.length} characters of ${LINES.length}`);
  });

  test(`${extension} that was cut short is not exact`, async (t) => {
    const folder = await temporaryDirectory(t);
    await write(folder);
    const path = join(folder, `${NAME}.${extension}`);
    await truncate(path, (await stat(path)).size - 7);

    const verdict = await auditOutput({ root: decoded(folder), ledger: ledgerOfAll() });

    assert.equal(isExact(verdict), false);
    assert.ok(verdict.lost > 0 || verdict.torn > 0);
  });
}

function decoded(folder: string): DecodedOutput {
  return new DecodedOutput(new FolderOutput(folder), join(folder, '_scratch'));
}

function ledgerOfAll(): Ledger {
  const ledger = new Ledger();
  const delivery = ledger.begin('plain');
  ledger.take('clicks', 0, COUNT, delivery);
  delivery.outcome = 'committed';
  return ledger;
}

async function copyWithDuckDb(folder: string, extension: string, options: string): Promise<void> {
  const lines = join(folder, '_lines.json');
  await writeFile(lines, LINES);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const columns = COLUMNS.map(({ field, type }) => `${field}: '${type === 'string' ? 'varchar' : type}'`).join(', ');
  try {
    await connection.run(
      `copy (from read_json('${lines}', columns = {${columns}})) to '${join(folder, `${NAME}.${extension}`)}' (${options})`,
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
