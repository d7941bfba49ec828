import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FileOptions, file } from '../../../connectors/file/index.ts';
import { type KafkaOptions, kafka } from '../../../connectors/kafka/index.ts';
import { pipeline } from '../../../core/index.ts';
import { encodeBatch } from '../../../testing/kafka/batch-encoder.ts';
import { RegistryModel } from '../../../testing/schema-registry/model.ts';
import { type RegistryServerOptions, serveRegistry } from '../../../testing/schema-registry/server.ts';
import { duckDb } from '../../testing/duckdb.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { prefixed } from '../schema-registry/support/values.ts';
import { failsWith, oneTopic } from './support/one-topic.ts';
import { idOf, NEWER_FROM, ORDER_1, ORDER_2, order, shopOf } from './support/orders.ts';

const RECORDS = 3_000;
const PARTITIONS = 2;
const BATCH_RECORDS = 60;
const CODECS = ['none', 'lz4', 'zstd'] as const;

/** A topic of orders, and a registry of their schemas; the newer one is there unless it is left out. */
async function orders(t: TestContext, { without = false, ...server }: OrdersOptions = {}) {
  const { cluster, options } = await oneTopic(t, { partitions: PARTITIONS });
  const model = new RegistryModel({ firstId: 100 });
  model.register({ subject: 'clicks-value', schema: ORDER_1 });
  const registerNewer = () => model.register({ subject: 'clicks-value', schema: ORDER_2 });
  if (!without) registerNewer();
  const registry = await serveRegistry({ model, ...server });
  t.after(() => registry.close());

  const json: string[] = [];
  for (let first = 0; first < RECORDS; first += BATCH_RECORDS) {
    const partition = (first / BATCH_RECORDS) % PARTITIONS;
    const made = Array.from({ length: BATCH_RECORDS }, (_, index) => order(first + index, [100, 101]));
    json.push(...made.map((one) => one.json));
    const records = made.map(({ bytes }, index) => ({ key: `k${first + index}`, value: bytes }));
    const baseOffset = cluster.partition('clicks', partition).endOffset;
    const codec = CODECS[(first / BATCH_RECORDS) % CODECS.length] as (typeof CODECS)[number];
    cluster.append('clicks', partition, encodeBatch(records, { baseOffset, codec }));
  }
  const source: KafkaOptions = {
    ...options,
    ...{ stop: 'latest', fetch: { maxWait: '50ms', maxPartitionBytes: '8KiB' } },
    value: { format: 'avro', registry: { urls: [registry.url] } },
  };
  return { cluster, source, registry, json, registerNewer };
}

interface OrdersOptions extends Omit<RegistryServerOptions, 'model'> {
  /** The newer schema. */
  readonly without?: boolean;
}

/** Runs a whole pipeline on this disk, with checkpoints amid the stream. */
async function run(
  path: string,
  source: KafkaOptions,
  sink: Omit<FileOptions, 'path'>,
  { attempts = 0 } = {},
): Promise<void> {
  await pipeline({
    ...{ name: 'orders', source: kafka(source), sink: file({ path, ...sink }) },
    ...{ checkpoints: { interval: '50ms' }, restart: { attempts } },
  }).run();
}

/** Every line below the folder, with the directory it is in. */
function linesBelow(path: string): { directory: string; line: string }[] {
  return globSync(join(path, '**/*.ndjson')).flatMap((name) =>
    readFileSync(name, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => ({ directory: relative(path, join(name, '..')), line })),
  );
}

test('Avro of two schemas is lines of JSON below the directory that a field names, each record once', async (t) => {
  const path = await temporaryDirectory(t);
  const { source, registry, json } = await orders(t);

  await run(path, source, { format: 'ndjson', directory: '{topic}/{field:shop}' });

  const lines = linesBelow(path);
  assert.deepEqual(lines.map(({ line }) => line).toSorted(), json.toSorted());
  const shops = new Set(lines.map(({ directory, line }) => `${directory} ${/"shop":"([^"]*)"/.exec(line)?.[1]}`));
  assert.deepEqual([...shops].toSorted(), ['clicks/a%2Fb a/b', 'clicks/basel basel', 'clicks/z%C3%BCrich zürich']);
  assert.deepEqual(registry.asked.toSorted(), ['/schemas/ids/100', '/schemas/ids/101']);
});

test('the raw lane and the envelope say the same', async (t) => {
  const { source, json } = await orders(t);
  const [raw, enveloped] = [await temporaryDirectory(t), await temporaryDirectory(t)];

  await run(raw, source, { format: 'ndjson' });
  await run(enveloped, source, { format: 'ndjson', envelope: { fields: ['key'] } });

  assert.deepEqual(
    linesBelow(raw)
      .map(({ line }) => line)
      .toSorted(),
    json.toSorted(),
  );
  const expected = json.map((text, n) => `{"key":"k${n}","value":${text}}`);
  assert.deepEqual(
    linesBelow(enveloped)
      .map(({ line }) => line)
      .toSorted(),
    expected.toSorted(),
  );
});

for (const [format, read] of [
  ['parquet', (files: string) => `read_parquet('${files}')`],
  ['csv', (files: string) => `read_csv('${files}', header = true)`],
] as const) {
  test(`DuckDB finds the columns of Avro in ${format}, longs beyond 2^53 included`, async (t) => {
    const path = await temporaryDirectory(t);
    const { source } = await orders(t);

    await run(path, source, { format, schema: ORDER_1, columns: [{ meta: 'offset' }] });

    const query = await duckDb(t);
    const rows =
      await query(`select id::varchar as id, shop, note is null as blank, epoch_ms("at"::timestamptz)::varchar as ms
      from ${read(join(path, 'clicks', '*'))} order by id::bigint`);
    assert.equal(rows.length, RECORDS);
    assert.deepEqual(
      rows,
      rows.map((_, n) => ({ id: idOf(n), shop: shopOf(n), blank: n % 4 === 0, ms: String(1_700_000_000_000 + n) })),
    );
  });
}

test('tombstones stay what they are', async (t) => {
  const path = await temporaryDirectory(t);
  const { cluster, source, json } = await orders(t);
  const { endOffset } = cluster.partition('clicks', 0);
  cluster.append('clicks', 0, encodeBatch([{ key: 'k', value: null }], { baseOffset: endOffset }));

  await assert.rejects(run(path, source, {}), failsWith('rejected', 'NULL_VALUE'));
  await run(path, source, { nulls: 'write' });

  assert.deepEqual(
    linesBelow(path)
      .map(({ line }) => line)
      .toSorted(),
    [...json, 'null'].toSorted(),
  );
});

test('a schema that is missing stops the run naming its record, and the next run goes on exactly there', async (t) => {
  const path = await temporaryDirectory(t);
  // Partitions take turns by batches: 1,002 lies in the ninth one of the first, and the next one begins with 1,020.
  const firstOffsets = [8 * BATCH_RECORDS + (NEWER_FROM % BATCH_RECORDS), 8 * BATCH_RECORDS];
  const { source, json, registerNewer } = await orders(t, { without: true });

  for (let time = 0; time < 2; time++)
    await assert.rejects(run(path, source, {}), (error: Error) => {
      failsWith('rejected', 'REGISTRY_UNKNOWN')(error as never);
      const [, partition, offset] =
        /^clicks\/([01]): the record at offset (\d+) names .*id 101/.exec(error.message) ?? [];
      assert.equal(Number(offset), firstOffsets[Number(partition)], error.message);
      return true;
    });
  registerNewer();
  await run(path, source, {});

  assert.deepEqual(
    linesBelow(path)
      .map(({ line }) => line)
      .toSorted(),
    json.toSorted(),
  );
});

test('a value that is not of its schema stops the run naming its record, and is never passed over', async (t) => {
  const path = await temporaryDirectory(t);
  const { cluster, source } = await orders(t);
  const { endOffset } = cluster.partition('clicks', 1);
  cluster.append('clicks', 1, encodeBatch([{ value: prefixed(100, 'no') }], { baseOffset: endOffset }));

  for (let time = 0; time < 2; time++)
    await assert.rejects(run(path, source, {}), (error: Error) => {
      failsWith('rejected', 'VALUE_NOT_AVRO')(error as never);
      return error.message.startsWith(`clicks/1: the record at offset ${endOffset} `);
    });
});

test('a registry that refuses is a mistake of the settings, without the secret in it', async (t) => {
  const path = await temporaryDirectory(t);
  const { source, registry } = await orders(t, { authorization: 'Bearer right' });
  const auth = { type: 'bearer', token: 'wrong-secret' } as const;
  const value: KafkaOptions['value'] = { format: 'avro', registry: { urls: [registry.url], auth } };

  await assert.rejects(run(path, { ...source, value }, {}), (error: Error) => {
    failsWith('config', 'REGISTRY_DENIED')(error as never);
    return !error.message.includes('wrong-secret');
  });
});

test('a registry that loses its first answers is asked again, and nothing is lost', async (t) => {
  const path = await temporaryDirectory(t);
  let requests = 0;
  const faultOf = () => (requests++ < 2 ? ({ kind: 'resetBefore' } as const) : undefined);
  const { source, json } = await orders(t, { faultOf });

  await run(path, source, {});

  assert.ok(requests > 2);
  assert.deepEqual(
    linesBelow(path)
      .map(({ line }) => line)
      .toSorted(),
    json.toSorted(),
  );
});

test('a registry that is away for long makes the pipeline start again, exactly where it was', async (t) => {
  const path = await temporaryDirectory(t);
  let requests = 0;
  const away = { kind: 'answer', status: 503, text: '' } as const;
  const faultOf = (schema: string) => (schema.endsWith('/101') && requests++ < 7 ? away : undefined);
  const { source, json } = await orders(t, { faultOf });

  await run(path, source, {}, { attempts: 1 });

  // Six of the first incarnation, and two of the second.
  assert.equal(requests, 8);
  assert.deepEqual(
    linesBelow(path)
      .map(({ line }) => line)
      .toSorted(),
    json.toSorted(),
  );
});
