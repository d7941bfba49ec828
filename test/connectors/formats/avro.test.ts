import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import avsc from 'avsc';
import fc from 'fast-check';
import { z } from 'zod';
import { type AvroSettings, avroFormat, avroSettings } from '../../../connectors/formats/avro.ts';
import { columnsOf } from '../../../connectors/formats/columns.ts';
import type { Column, RowField, RowValue } from '../../../connectors/formats/row-schema.ts';
import { rowReader } from '../../../connectors/formats/rows.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { anyTable } from './any-table.ts';
import { record, rejected } from './record.ts';

const ids = { hex: (bytes: number) => 'a5'.repeat(bytes) };
const schema = z.strictObject(avroSettings);
const formatOf = (columns: readonly Column[], avro: object = {}) =>
  avroFormat(columns, schema.parse({ avro }).avro as AvroSettings, { ids });

/** The bytes of a file with one record per value, taken in between. */
function fileOf(columns: readonly Column[], values: readonly unknown[], avro: object = {}): Buffer {
  const part = formatOf(columns, avro).begin();
  const chunks = values.flatMap((value) => {
    part.add(record(value));
    return part.take();
  });
  return Buffer.concat([...chunks, ...part.finish()]);
}

/** Numbers of 64 bits as bigints: those of avsc itself are not exact from 2^52 on. */
const bigLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: () => assert.fail('nothing is written'),
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a - b),
});

/** What avsc, which shares no code with the writer, reads from a file. */
async function decode(file: Buffer): Promise<{ rows: unknown[]; codec: string; schema: unknown }> {
  const codec =
    (unpack: (bytes: Buffer) => Buffer) => (bytes: Buffer, done: (error: Error | null, value?: Buffer) => void) =>
      done(null, unpack(bytes));
  const decoder = new avsc.streams.BlockDecoder({
    codecs: { null: codec((bytes) => bytes), deflate: codec(inflateRawSync), zstandard: codec(zstdDecompressSync) },
    parseHook: (written) =>
      avsc.Type.forSchema(written, {
        wrapUnions: 'never',
        typeHook: (one) => (one === 'long' || (one as { type?: unknown }).type === 'long' ? bigLong : undefined),
      }),
  });
  const meta = new Promise<{ codec: string; schema: unknown }>((resolve) =>
    decoder.on('metadata', (_type: avsc.Type, name: string, header: { meta: Record<string, Buffer> }) =>
      resolve({ codec: name, schema: JSON.parse(String(header.meta['avro.schema'])) }),
    ),
  );
  decoder.end(file);
  const rows = await decoder.toArray();
  return { rows, ...(await meta) };
}

/** A value that avsc read, as rows hold it. */
function rowValue(value: unknown, { type }: Pick<RowField, 'type'>): RowValue {
  if (value === null) return null;
  switch (type.kind) {
    case 'int64':
      return Number.isSafeInteger(Number(value)) ? Number(value) : (value as bigint);
    case 'timestamp':
      return Number(value);
    case 'decimal':
      return BigInt.asIntN((value as Buffer).length * 8, BigInt(`0x${(value as Buffer).toString('hex')}`));
    case 'bytes':
      return Buffer.from(value as Buffer);
    case 'list':
      return (value as unknown[]).map((item) => rowValue(item, type.items));
    case 'struct':
      return rowValues(value, type.fields);
    default:
      return value as RowValue;
  }
}

function rowValues(row: unknown, fields: readonly RowField[]): RowValue[] {
  const values = Object.values(row as object);
  assert.equal(values.length, fields.length);
  return fields.map((field, index) => rowValue(values[index], field));
}

test('any rows of any types are read back by avsc', async () => {
  const layout = fc.record({
    codec: fc.constantFrom('none', 'deflate', 'zstandard'),
    blockBytes: fc.constantFrom('1KiB', '256KiB'),
  });

  await fc.assert(
    fc.asyncProperty(anyTable, layout, async ([columns, values], avro) => {
      const read = rowReader(columns);

      const { rows, codec } = await decode(fileOf(columns, values, avro));

      assert.equal(codec, avro.codec === 'none' ? 'null' : avro.codec);
      assert.deepEqual(
        rows.map((row) => rowValues(row, columns).map(normal)),
        values.map((value) =>
          read(record(value)).map((one, index) => normal(asWritten(one, columns[index] as Column))),
        ),
      );
    }),
  );
});

/** Float32 columns hold what is left of a double. */
function asWritten(value: RowValue, field: Pick<RowField, 'type'>): RowValue {
  const { type } = field;
  if (value === null) return null;
  if (type.kind === 'float32') return Math.fround(value as number);
  if (type.kind === 'list') return (value as RowValue[]).map((item) => asWritten(item, type.items));
  if (type.kind === 'struct')
    return (value as RowValue[]).map((one, index) => asWritten(one, type.fields[index] as RowField));
  return value;
}

/** Bytes of any class, so that only what is in them counts. */
function normal(value: RowValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Array.isArray(value) ? value.map(normal) : value;
}

test('the schema of a file says its types, with names that Avro takes', async () => {
  const columns = columnsOf({
    columns: [
      { meta: 'offset' },
      { field: 'user.id', type: 'decimal(9,2)' },
      { name: '1st', field: 'a', type: 'struct<x:list<struct<t:timestamp(us)!>>,d:date>', nullable: false },
      { field: 'j', type: 'json' },
    ],
  });

  const file = fileOf(columns, [{ a: {} }], { record: 'shop.Click' });

  assert.deepEqual((await decode(file)).schema, {
    type: 'record',
    name: 'shop.Click',
    fields: [
      { name: 'offset', type: 'long' },
      {
        name: 'user_id',
        type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }],
        default: null,
      },
      {
        name: '_1st',
        type: {
          type: 'record',
          name: 'shop.Click__1st',
          fields: [
            {
              name: 'x',
              type: [
                'null',
                {
                  type: 'array',
                  items: [
                    'null',
                    {
                      type: 'record',
                      name: 'shop.Click__1st_x',
                      fields: [{ name: 't', type: { type: 'long', logicalType: 'timestamp-micros' } }],
                    },
                  ],
                },
              ],
              default: null,
            },
            { name: 'd', type: ['null', { type: 'int', logicalType: 'date' }], default: null },
          ],
        },
      },
      { name: 'j', type: ['null', 'string'], default: null },
    ],
  });
});

test('two names that would become one are refused, two records of one name are told apart', async () => {
  assert.throws(() => formatOf(columnsOf({ columns: ['a.b', 'a_b'] })), {
    kind: 'config',
    code: 'AVRO_NAME_TWICE',
    message: /^the fields a\.b and a_b would both be called a_b in Avro$/,
  });
  assert.throws(() => formatOf(columnsOf({ columns: [{ field: 's', type: 'struct<a-b:json,a_b:json>' }] })), {
    message: /^the fields s\.a-b and s\.a_b would/,
  });
  const columns = columnsOf({
    columns: [
      { field: 'a', type: 'struct<b:struct<c:int32>>' },
      { field: 'a_b', type: 'struct<c:int32>' },
    ],
  });
  const { rows } = await decode(fileOf(columns, [{ a: { b: { c: 1 } }, a_b: { c: 2 } }]));
  assert.deepEqual(JSON.parse(JSON.stringify(rows)), [{ a: { b: { c: 1 } }, a_b: { c: 2 } }]);
});

test('blocks are given out whole, and a refused record leaves nothing in one', async () => {
  const columns = columnsOf({ columns: [{ field: 's', type: 'string' }] });
  const part = formatOf(columns, { blockBytes: '1KiB' }).begin();
  const header = Buffer.concat(part.take());
  assert.deepEqual(header.subarray(-16).toString('hex'), 'a5'.repeat(16));

  part.add(record({ s: 'x'.repeat(500) }));
  assert.throws(() => part.add(record({ s: 5 })), rejected('ROW_TYPE_MISMATCH', /offset 12/));
  assert.deepEqual(part.take(), [], 'not yet a block');
  assert.equal(part.gatheredBytes, 503);
  part.add(record({ s: 'y'.repeat(600) }));
  const block = Buffer.concat(part.take());
  assert.equal(part.gatheredBytes, 0);
  assert.deepEqual(part.finish(), [], 'nothing is left');

  assert.equal(block.subarray(-16).toString('hex'), 'a5'.repeat(16));
  const { rows } = await decode(Buffer.concat([header, block]));
  assert.deepEqual(
    rows.map((row) => (row as { s: string }).s.length),
    [500, 600],
  );
});

const fastavro = spawnSync('python3', ['-c', 'import fastavro']).status === 0;
test('fastavro reads what it is', { skip: fastavro ? false : 'Python has no fastavro' }, async (t) => {
  const columns = columnsOf({
    columns: [
      { field: 'i', type: 'int64' },
      { field: 'm', type: 'decimal(20,2)' },
      { field: 't', type: 'timestamp(us)' },
      { field: 'd', type: 'date' },
      { field: 'l', type: 'list<struct<s:string,b:bytes>>' },
    ],
  });
  const value =
    '{"i":-9223372036854775808,"m":-0.05,"t":"2024-02-29T12:00:00.000001Z","d":"2024-02-29","l":[{"s":"é","b":"/w=="},null]}';
  const path = join(await temporaryDirectory(t), 'part.avro');

  for (const codec of ['none', 'deflate']) {
    writeFileSync(path, fileOf(columns, [value, '{}'], { codec }));
    const script =
      'import fastavro, sys\nfor row in fastavro.reader(open(sys.argv[1], "rb")): print([str(v) for v in row.values()])';
    assert.equal(
      execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }),
      `['-9223372036854775808', '-0.05', '2024-02-29 12:00:00.000001+00:00', '2024-02-29', "[{'s': 'é', 'b': b'\\\\xff'}, None]"]\n` +
        `['None', 'None', 'None', 'None', 'None']\n`,
    );
  }
});
