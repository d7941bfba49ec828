import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parquetFormat } from '../../../../connectors/formats/parquet/encoder.ts';
import { anyTable, column } from './arbitrary-rows.ts';
import { assertReadBack, begin, encode, NO_LIMIT, record } from './files.ts';
import { DuckDb } from './readers.ts';

const oneColumn = [column('n', { kind: 'int32' })];

let duckDb: DuckDb;
before(async () => {
  duckDb = await DuckDb.open();
});
after(() => duckDb.close());

/** As many row groups as the file says it has. */
async function rowGroupsOf(file: Buffer): Promise<number> {
  const [answer] = await duckDb.ask(file, 'SELECT num_row_groups FROM parquet_file_metadata(FILE)');
  return Number(Object.values(answer ?? {})[0]);
}

test('a file of one row', async () => {
  const table = { columns: oneColumn, rows: [[7]] };

  await assertReadBack(encode(table), table, duckDb);
});

/** Four rows, and how much memory two of them take. */
function fourRows() {
  const table = { columns: oneColumn, rows: [[1], [2], [3], [4]] };
  const { encoder, add } = begin(table);
  const bytesOfNone = encoder.gatheredBytes;
  add(0);
  add(1);
  return { table, bytesOfTwo: encoder.gatheredBytes - bytesOfNone };
}

test('a row group that is full with the last record is not followed by an empty one', async () => {
  const { table, bytesOfTwo } = fourRows();

  const file = encode(table, { rowGroupBytes: bytesOfTwo });

  assert.equal(await rowGroupsOf(file), 2);
  await assertReadBack(file, table, duckDb);
});

test('nothing is handed out before a row group is full, then all of it', () => {
  const { table, bytesOfTwo } = fourRows();
  const { encoder, add } = begin(table, { rowGroupBytes: bytesOfTwo });

  add(0);
  assert.deepEqual(encoder.take(), []);
  add(1);
  const first = Buffer.concat(encoder.take());

  assert.equal(first.subarray(0, 4).toString(), 'PAR1');
  assert.equal(encoder.gatheredBytes, 0);
  assert.deepEqual(encoder.take(), []);
});

test('a file may end after any record and any take', async () => {
  await fc.assert(
    fc.asyncProperty(anyTable, fc.infiniteStream(fc.boolean()), async (table, takes) => {
      const { encoder, add } = begin(table, { rowGroupBytes: 200 });
      const pieces: Buffer[] = [];

      for (const row of table.rows.keys()) {
        add(row);
        if (takes.next().value) pieces.push(...encoder.take());
      }
      pieces.push(...encoder.finish());

      const file = Buffer.concat(pieces);
      assert.deepEqual(file, encode(table, { rowGroupBytes: 200 }), 'takes do not change the bytes');
      await assertReadBack(file, table, duckDb);
    }),
    { numRuns: 50 },
  );
});

test('what was taken is not written to again', () => {
  const rows = Array.from({ length: 100 }, (_, row) => [row]);
  const { encoder, add } = begin({ columns: oneColumn, rows }, { rowGroupBytes: 32 });
  const pieces: { held: Buffer; copy: Buffer }[] = [];

  for (const row of rows.keys()) {
    add(row);
    pieces.push(...encoder.take().map((held) => ({ held, copy: Buffer.from(held) })));
  }
  encoder.finish();

  assert.ok(pieces.length >= 50);
  for (const { held, copy } of pieces) assert.deepEqual(held, copy);
});

test('a record that is rejected leaves nothing behind', async () => {
  const rows = [[1], [2]];
  const encoder = parquetFormat({
    columns: oneColumn,
    rowOf: ({ offset }) => {
      if (offset === 1) throw new Error('rejected: clicks/0 offset 1');
      return rows[offset] ?? [3];
    },
    settings: { rowGroupBytes: NO_LIMIT, compression: 'none' },
  }).begin();
  encoder.add(record(0));
  const before = encoder.gatheredBytes;

  assert.throws(() => encoder.add(record(1)), /offset 1/);

  assert.equal(encoder.gatheredBytes, before);
  encoder.add(record(2));
  await assertReadBack(Buffer.concat(encoder.finish()), { columns: oneColumn, rows: [[1], [3]] }, duckDb);
});

test('a null where none can be stops the file: it would shift all values that follow', () => {
  const { encoder, add } = begin({ columns: [column('n', { kind: 'int32' }, false)], rows: [[1], [null]] });
  add(0);

  assert.throws(() => add(1), /not nullable/);
  assert.equal(encoder.take().length, 0);
});

test('large values are not kept twice for long', async () => {
  const table = {
    columns: [column('doc', { kind: 'json' })],
    rows: Array.from({ length: 8 }, (_, row) => [`"${'x'.repeat(400_000)}${row}"`]),
  };
  const { encoder, add } = begin(table);

  for (const row of table.rows.keys()) add(row);

  assert.ok(encoder.gatheredBytes < 1_500_000, 'pages are compressed as they fill');
  await assertReadBack(Buffer.concat(encoder.finish()), table, duckDb);
});

test('bytes are copied: their memory is the source’s', async () => {
  const memory = Buffer.from('first');
  const columns = [
    column('key', { kind: 'bytes' }),
    column('keys', { kind: 'list', items: column('', { kind: 'bytes' }) }),
  ];
  const { encoder, add } = begin({ columns, rows: [[memory, [memory]]] });
  add(0);

  memory.write('other');

  const first = new Uint8Array(Buffer.from('first'));
  await assertReadBack(Buffer.concat(encoder.finish()), { columns, rows: [[first, [first]]] }, duckDb);
});

test('gathered bytes follow what is held, and bound a row group', async () => {
  const columns = [column('text', { kind: 'string' }), column('n', { kind: 'float64' })];
  const rows = Array.from({ length: 1000 }, (_, row) => [`${row}`.padStart(1000, 'x'), row]);
  const { encoder, add } = begin({ columns, rows }, { rowGroupBytes: 100_000 });
  let most = 0;

  for (const row of rows.keys()) {
    add(row);
    most = Math.max(most, encoder.gatheredBytes);
    encoder.take();
  }

  assert.ok(most > 90_000 && most < 101_100, `${most}`);
});

test('equal rows give equal files', () => {
  fc.assert(
    fc.property(anyTable, (table) => assert.deepEqual(encode(table), encode(table))),
    { numRuns: 20 },
  );
});
