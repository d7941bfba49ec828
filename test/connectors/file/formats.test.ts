import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import avro from 'avsc';
import { datagen } from '../../../connectors/datagen/index.ts';
import { type FileOptions, file } from '../../../connectors/file/index.ts';
import { pipeline } from '../../../core/index.ts';
import { duckDb } from '../../testing/duckdb.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

const COUNT = 20_000;
const PARTITIONS = 3;
const COLUMNS = [
  { field: 'partition', type: 'int32' },
  { field: 'sequence', type: 'int64' },
  { field: 'text', type: 'string' },
  { meta: 'offset' as const },
];

/** Runs a whole pipeline on this disk, with checkpoints amid the stream, and gives the pattern of its files. */
async function written(t: TestContext, options: Omit<FileOptions, 'path'>): Promise<string> {
  const path = await temporaryDirectory(t);
  const source = datagen({ topic: 'clicks', partitions: PARTITIONS, count: COUNT, rate: COUNT * 2 });
  const sink = file({ path, directory: '{topic}/p={partition}', ...options });
  await pipeline({ name: 'formats', source, sink, checkpoints: { interval: '100ms' } }).run();
  return join(path, 'clicks', '*', '*');
}

/** What all records are, by the partition that the directory names and the one in the record. */
const EXPECTED = Array.from({ length: PARTITIONS }, (_, p) => {
  const records = Math.floor(COUNT / PARTITIONS) + (p < COUNT % PARTITIONS ? 1 : 0);
  return {
    p: String(p),
    partition: String(p),
    records: String(records),
    different: String(records),
    last: String(records - 1),
  };
});

function countsOf(from: string, sequence = 'sequence', partition = 'partition'): string {
  return `select p::varchar as p, ${partition}::varchar as partition, count(*)::varchar as records,
    count(distinct ${sequence})::varchar as different, max(${sequence}::bigint)::varchar as last
    from ${from} group by all order by all`;
}

const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;

for (const compression of COMPRESSIONS) {
  test(`DuckDB finds every record once in ndjson with ${compression}, below Hive partitions`, async (t) => {
    const files = await written(t, { format: 'ndjson', compression });
    const query = await duckDb(t);
    assert.ok(globSync(files).length > PARTITIONS, 'checkpoints amid the stream');
    const rows = await query(countsOf(`read_json('${files}', hive_partitioning = true)`));
    assert.deepEqual(rows, EXPECTED);
  });

  test(`DuckDB finds every record once in an envelope with ${compression}, with the offset it came from`, async (t) => {
    const files = await written(t, { format: 'ndjson', envelope: {}, compression });
    const query = await duckDb(t);
    const from = `read_json('${files}', hive_partitioning = true, union_by_name = true)`;
    assert.deepEqual(await query(countsOf(from, 'value.sequence')), EXPECTED);
    assert.deepEqual(await query(`select count(*)::varchar as n from ${from} where "offset" <> value.sequence`), [
      { n: '0' },
    ]);
  });

  test(`DuckDB finds every record once in csv with ${compression}`, async (t) => {
    const files = await written(t, { format: 'csv', columns: COLUMNS, compression });
    const query = await duckDb(t);
    const from = `read_csv('${files}', hive_partitioning = true, header = true, union_by_name = true)`;
    assert.deepEqual(await query(countsOf(from)), EXPECTED);
    assert.deepEqual(await query(`select count(*)::varchar as n from ${from} where "offset" <> sequence`), [
      { n: '0' },
    ]);
  });
}

for (const compression of ['none', 'snappy', 'gzip', 'zstd'] as const) {
  test(`DuckDB finds every record once in Parquet with ${compression}`, async (t) => {
    const files = await written(t, { format: 'parquet', columns: COLUMNS, parquet: { compression } });
    const query = await duckDb(t);
    const from = `read_parquet('${files}', hive_partitioning = true)`;
    assert.deepEqual(await query(countsOf(from)), EXPECTED);
    assert.deepEqual(await query(`select count(*)::varchar as n from ${from} where "offset" <> sequence`), [
      { n: '0' },
    ]);
  });
}

for (const codec of ['none', 'deflate'] as const) {
  test(`avsc finds every record once in Avro with ${codec}`, async (t) => {
    const files = await written(t, { format: 'avro', columns: COLUMNS, avro: { codec } });
    const seen = new Set<string>();
    let records = 0;
    for (const path of globSync(files)) {
      for await (const row of avro.createFileDecoder(path)) {
        assert.match(path, new RegExp(`/p=${row.partition}/`));
        seen.add(`${row.partition}/${row.sequence}`);
        records++;
      }
    }
    assert.deepEqual([records, seen.size], [COUNT, COUNT]);
  });
}

test('raw values come out whole, whatever delimits them', async (t) => {
  const plain = await written(t, { format: 'raw', delimiter: '\0' });
  const linesOf = (pattern: string) =>
    globSync(pattern).flatMap((path) => readFileSync(path, 'latin1').split('\0').slice(0, -1));
  assert.equal(new Set(linesOf(plain)).size, COUNT);
});
