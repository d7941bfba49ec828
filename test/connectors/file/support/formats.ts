import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { TestContext } from 'node:test';
import avro from 'avsc';
import type { FileOptions } from '../../../../connectors/file/index.ts';
import { duckDb } from '../../../testing/duckdb.ts';

export const PARTITIONS = 3;

const COLUMNS = [
  { field: 'partition', type: 'int32' },
  { field: 'sequence', type: 'int64' },
  { field: 'text', type: 'string' },
  { meta: 'offset' as const },
];

/** A way to write generated records, and the other program that must find each of them once. */
export interface FormatCase {
  /** As in "... finds every record once in csv with gzip". */
  readonly what: string;
  readonly options: Omit<FileOptions, 'path'>;
  /** Looks at `count` records in the files of this pattern, one directory `p=..` per partition. */
  check(t: TestContext, files: string, count: number): Promise<void>;
}

/** What all records are, by the partition that the directory names and the one in the record. */
function expectedOf(count: number) {
  return Array.from({ length: PARTITIONS }, (_, p) => {
    const records = Math.floor(count / PARTITIONS) + (p < count % PARTITIONS ? 1 : 0);
    return {
      p: String(p),
      partition: String(p),
      records: String(records),
      different: String(records),
      last: String(records - 1),
    };
  });
}

/** How DuckDB reads files of one kind: what to read from, the sequence in a record, and whether it has the offset beside it. */
interface Query {
  from(files: string): string;
  readonly sequence?: string;
  readonly hasOffset?: boolean;
}

function byDuckDb(what: string, options: FormatCase['options'], query: Query): FormatCase {
  const { sequence = 'sequence', hasOffset = false } = query;
  const check: FormatCase['check'] = async (t, files, count) => {
    const run = await duckDb(t);
    const from = query.from(files);
    const counts = `select p::varchar as p, partition::varchar as partition, count(*)::varchar as records,
      count(distinct ${sequence})::varchar as different, max(${sequence}::bigint)::varchar as last
      from ${from} group by all order by all`;
    assert.deepEqual(await run(counts), expectedOf(count));
    if (!hasOffset) return;
    const wrong = `select count(*)::varchar as n from ${from} where "offset" <> ${sequence}`;
    assert.deepEqual(await run(wrong), [{ n: '0' }]);
  };
  return { what: `DuckDB finds every record once in ${what}`, options, check };
}

const json = (files: string) => `read_json('${files}', hive_partitioning = true, union_by_name = true)`;
const csv = (files: string) => `read_csv('${files}', hive_partitioning = true, header = true, union_by_name = true)`;
const parquet = (files: string) => `read_parquet('${files}', hive_partitioning = true)`;

const checkAvro: FormatCase['check'] = async (_, files, count) => {
  const seen = new Set<string>();
  let records = 0;
  for (const path of globSync(files)) {
    for await (const row of avro.createFileDecoder(path)) {
      assert.match(path, new RegExp(`/p=${row.partition}/`));
      seen.add(`${row.partition}/${row.sequence}`);
      records++;
    }
  }
  assert.deepEqual([records, seen.size], [count, count]);
};

const checkRaw: FormatCase['check'] = async (_, files, count) => {
  const values = globSync(files).flatMap((path) => readFileSync(path, 'latin1').split('\0').slice(0, -1));
  assert.deepEqual([values.length, new Set(values).size], [count, count]);
};

const TEXT_CASES = (['none', 'gzip', 'zstd'] as const).flatMap((compression): FormatCase[] => {
  const envelope = { format: 'ndjson', envelope: {}, compression } as const;
  const columns = { format: 'csv', columns: COLUMNS, compression } as const;
  return [
    byDuckDb(`ndjson with ${compression}, below Hive partitions`, { format: 'ndjson', compression }, { from: json }),
    byDuckDb(`an envelope with ${compression}, with the offset it came from`, envelope, {
      ...{ from: json, sequence: 'value.sequence', hasOffset: true },
    }),
    byDuckDb(`csv with ${compression}`, columns, { from: csv, hasOffset: true }),
    byDuckDb(`raw values with ${compression}`, { format: 'raw', compression }, { from: json }),
  ];
});

const RAW_CASE: FormatCase = {
  what: 'raw values come out whole, whatever delimits them',
  options: { format: 'raw', delimiter: '\0' },
  check: checkRaw,
};

const AVRO_CASES = (['none', 'deflate'] as const).map(
  (codec): FormatCase => ({
    what: `avsc finds every record once in Avro with ${codec}`,
    options: { format: 'avro', columns: COLUMNS, avro: { codec } },
    check: checkAvro,
  }),
);

const PARQUET_CASES = (['none', 'snappy', 'gzip', 'zstd'] as const).map((compression) =>
  byDuckDb(
    `Parquet with ${compression}`,
    { format: 'parquet', columns: COLUMNS, parquet: { compression, rowGroupBytes: '64KiB' } },
    { from: parquet, hasOffset: true },
  ),
);

export const CASES: readonly FormatCase[] = [...TEXT_CASES, RAW_CASE, ...AVRO_CASES, ...PARQUET_CASES];

/** How many files there are of this pattern in each directory. */
export function filesPerPartition(files: string): number[] {
  const counts = Array<number>(PARTITIONS).fill(0);
  for (const path of globSync(files)) {
    const partition = Number(/\/p=(\d+)\//.exec(path)?.[1]);
    assert.ok(partition < PARTITIONS, basename(path));
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  return counts;
}
