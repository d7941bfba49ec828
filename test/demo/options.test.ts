import assert from 'node:assert/strict';
import test from 'node:test';
import { parseOptions } from '../../demo/options.ts';

test('without options a broker is looked for, and the pipeline is killed five times in half a minute', () => {
  assert.deepEqual(parseOptions([]), {
    kind: 'run',
    options: {
      sink: 'file',
      directory: '{topic}',
      format: 'ndjson',
      compression: 'none',
      brokers: undefined,
      keep: false,
      kills: 5,
      seconds: 30,
      recordsPerSecond: 20_000,
    },
  });
});

test('every option is taken', () => {
  const args = [
    '--sink',
    's3',
    '--directory',
    '{topic}/h={time:HH}',
    '--format',
    'csv',
    '--compression',
    'zstd',
    '--brokers',
    'a:9092,b:9092',
    '--keep',
    '--kills',
    '0',
    '--seconds',
    '10',
    '--rate',
    '500',
  ];

  assert.deepEqual(parseOptions(args), {
    kind: 'run',
    options: {
      sink: 's3',
      directory: '{topic}/h={time:HH}',
      format: 'csv',
      compression: 'zstd',
      brokers: 'a:9092,b:9092',
      keep: true,
      kills: 0,
      seconds: 10,
      recordsPerSecond: 500,
    },
  });
  assert.deepEqual(parseOptions(['--help']), { kind: 'help' });
});

test('what cannot be is said, with what was found', () => {
  for (const [args, why] of [
    [['--kills', 'many'], /--kills: expected a whole number of at least 0, found "many"/],
    [['--seconds', '1'], /--seconds: .* at least 3, found "1"/],
    [['--sink', 'gcs'], /--sink: expected file, s3 or hdfs, found "gcs"/],
    [['--format', 'orc'], /--format: expected ndjson, csv, avro or parquet, found "orc"/],
    [['--compression', 'lz4'], /--compression: expected none, gzip or zstd, found "lz4"/],
    [['--format', 'avro', '--compression', 'gzip'], /--compression: files of format avro are compressed inside/],
    [['--directory', '{topc}'], /--directory: .*topc/],
    [['--broker', 'a:1'], /--broker/],
    [['a:9092'], /a:9092/],
  ] as const) {
    const parsed = parseOptions([...args]);
    assert.match(parsed.kind === 'wrong' ? parsed.why : '', why);
  }
});
