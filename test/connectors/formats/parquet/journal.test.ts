import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { columnSettings, columnsOf } from '../../../../connectors/formats/columns.ts';
import { endOpen } from '../../../../connectors/formats/end-open.ts';
import { JournalWriter } from '../../../../connectors/formats/journal.ts';
import { parquetFormat } from '../../../../connectors/formats/parquet/encoder.ts';
import type { ParquetSettings } from '../../../../connectors/formats/parquet/settings.ts';
import type { FormatRecord } from '../../../../connectors/formats/part-encoder.ts';
import { rowReader } from '../../../../connectors/formats/rows.ts';
import { readWithHyparquet } from './readers.ts';

const COLUMNS = columnsOf({
  columns: columnSettings.columns
    .unwrap()
    .parse([
      { meta: 'topic' },
      { meta: 'partition' },
      { meta: 'offset' },
      { meta: 'timestamp', type: 'timestamp(us)' },
      { meta: 'key', type: 'bytes' },
      { meta: 'headers', type: 'list<struct<name:string,value:bytes>>' },
      { field: 'n', type: 'int64' },
      { field: 'price', type: 'float64' },
      { field: 'isNew', type: 'boolean' },
      { field: 'amount', type: 'decimal(30,2)' },
      { field: 'tags', type: 'list<string>' },
      { field: 'at', type: 'struct<x:float32,y:int32>' },
      'text',
      { field: '$', name: 'all', type: 'json' },
    ]),
});
const rowOf = rowReader(COLUMNS);

const anyBytes: fc.Arbitrary<Buffer> = fc
  .oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array()))
  .map((b) => Buffer.from(b));
const anyJson = fc.record(
  {
    n: fc.maxSafeInteger(),
    price: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 2.5)),
    isNew: fc.boolean(),
    amount: fc.constantFrom('0.00', '-12.50', '1234567890123456789012345678.99'),
    tags: fc.array(fc.string({ maxLength: 10 }), { maxLength: 3 }),
    at: fc.record({ x: fc.constantFrom(0, 1.5), y: fc.integer() }),
    text: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'żółć', '🦆')),
  },
  { requiredKeys: [] },
);
const anyRecord: fc.Arbitrary<FormatRecord> = fc.record({
  topic: fc.constantFrom('clicks', 'żółć'),
  partition: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  offset: fc.maxSafeNat(),
  timestampMs: fc.integer({ min: -1, max: 4 * 10 ** 12 }),
  key: fc.option(anyBytes),
  value: fc.option(
    anyJson.map((json) => Buffer.from(JSON.stringify(json))),
    { freq: 10 },
  ),
  headers: fc.array(fc.tuple<[string, Buffer | null]>(fc.constantFrom('a', 'żółć'), fc.option(anyBytes)), {
    maxLength: 2,
  }),
});

const anySettings: fc.Arbitrary<ParquetSettings> = fc.record({
  rowGroupBytes: fc.integer({ min: 200, max: 20_000 }),
  compression: fc.constantFrom('zstd', 'snappy', 'gzip', 'none'),
});

interface Step {
  readonly record: FormatRecord;
  /** What happens after it; `flush` is what a shortage of memory does. */
  readonly after: 'nothing' | 'take' | 'flush' | 'barrier';
}

const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    record: anyRecord,
    after: fc.constantFrom<Step['after'][]>(
      'nothing',
      'nothing',
      'nothing',
      'nothing',
      'take',
      'flush',
      'barrier',
      'barrier',
    ),
  }),
  { minLength: 1, maxLength: 120 },
);

const newEncoder = (settings: ParquetSettings, staysOpen: boolean) =>
  parquetFormat({ columns: COLUMNS, rowOf, settings }).begin({ staysOpen });

/** What of a file is durable after a barrier. */
interface Durable {
  readonly records: number;
  readonly prefix: Buffer;
  readonly journal: Buffer;
}

/** All that is durable after each barrier, and the file at its end. */
function writeOpen(steps: readonly Step[], settings: ParquetSettings): { durable: Durable[]; whole: Buffer } {
  const encoder = newEncoder(settings, true);
  const durable: Durable[] = [];
  const prefix: Buffer[] = [];
  let journal: Buffer[] = [];
  for (const [index, { record, after }] of steps.entries()) {
    encoder.add(record);
    if (after === 'flush') encoder.endBlock();
    const beside = after === 'barrier' ? encoder.takeJournal?.() : undefined;
    if (after !== 'nothing') prefix.push(...encoder.take());
    if (beside === undefined) continue;
    journal = [...(beside.replaces ? [] : journal), ...beside.chunks];
    durable.push({ records: index + 1, prefix: Buffer.concat(prefix), journal: Buffer.concat(journal) });
  }
  return { durable, whole: Buffer.concat([...prefix, ...encoder.finish()]) };
}

/** The file of these records without checkpoints. */
function writeClosed(steps: readonly Step[], settings: ParquetSettings): Buffer {
  const encoder = newEncoder(settings, false);
  for (const { record, after } of steps) {
    encoder.add(record);
    if (after === 'flush') encoder.endBlock();
  }
  return Buffer.concat(encoder.finish());
}

async function* inPieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

const finished = async ({ prefix, journal }: Durable, pieceBytes = 1024) =>
  Buffer.concat([prefix, ...(await endOpen(inPieces(journal, pieceBytes), prefix.length))]);

test('a file that is ended at any barrier is the one that its records make without checkpoints, row groups and all', async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, anySettings, fc.integer({ min: 1, max: 5000 }), async (steps, settings, pieceBytes) => {
      const { durable, whole } = writeOpen(steps, settings);

      assert.deepEqual(whole, writeClosed(steps, settings));
      for (const one of durable) {
        const until = steps.slice(0, one.records);
        const file = await finished(one, pieceBytes);
        assert.deepEqual(file, writeClosed(until, settings));
        const rows = until.map(({ record }) => rowOf(record).map(plain));
        assert.deepEqual(
          (await readWithHyparquet(file, COLUMNS)).map((row) => row.map(plain)),
          rows,
        );
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

/** Bytes of any kind as bytes: a Buffer is no Uint8Array to a comparison. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return Array.isArray(value) ? value.map(plain) : value;
}

const clicks = (count: number): FormatRecord[] =>
  Array.from({ length: count }, (_, offset) => ({
    ...{ topic: 'clicks', partition: 0, offset, timestampMs: offset, key: null, headers: [] },
    value: Buffer.from(JSON.stringify({ text: `${offset}`.repeat(20), price: offset / 7 })),
  }));

test('row groups are as large as without checkpoints, however many of these there are', async () => {
  const steps = clicks(2_000).map((record) => ({ record, after: 'barrier' as const }));
  const settings = { rowGroupBytes: 64 * 1024, compression: 'zstd' as const };
  const { durable } = writeOpen(steps, settings);
  const groupsOf = (file: Buffer) => parquetMetadata(new Uint8Array(file).buffer).row_groups.length;

  const file = await finished(durable.at(-1) as Durable);

  assert.equal(groupsOf(file), groupsOf(writeClosed(steps, settings)));
  assert.ok(groupsOf(file) > 5 && groupsOf(file) < 100, `${groupsOf(file)}`);
});

/** How much is given at barriers after every tenth record, and how much of it is needed at most at a time. */
function measure(records: readonly FormatRecord[], rowGroupBytes: number) {
  const encoder = newEncoder({ rowGroupBytes, compression: 'none' }, true);
  let [givenBytes, keptBytes, keptBytesMax] = [0, 0, 0];
  for (const [index, record] of records.entries()) {
    encoder.add(record);
    if (index % 10 !== 9) continue;
    const { chunks = [], replaces = false } = encoder.takeJournal?.() ?? {};
    encoder.take();
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    givenBytes += bytes;
    keptBytes = replaces ? bytes : keptBytes + bytes;
    keptBytesMax = Math.max(keptBytesMax, keptBytes);
    assert.equal(encoder.journalBytes, 0, 'nothing is kept in memory');
  }
  return { givenBytes, keptBytesMax };
}

test('what is kept beside a file is about what came, and without what its row groups have already', () => {
  const records = clicks(5_000);
  const recordBytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);

  const { givenBytes, keptBytesMax } = measure(records, 256 * 1024);

  // Beside the records metadata, which is given again when at least as much of them is obsolete.
  assert.ok(givenBytes < 2.5 * recordBytes, `${givenBytes} of ${recordBytes}`);
  assert.ok(keptBytesMax < recordBytes / 2, `${keptBytesMax} of ${recordBytes}`);
});

test('many small row groups are not named again and again', () => {
  const [half, all] = [1_000, 2_000].map((count) => measure(clicks(count), 4_000).givenBytes) as [number, number];

  assert.ok(all < 2.5 * half, `${half}, and ${all} for twice as many`);
});

test('memory for the next barrier is counted, apart from what will be in the file', () => {
  const settings = { rowGroupBytes: 2 ** 30, compression: 'none' as const };
  const [open, closed] = [newEncoder(settings, true), newEncoder(settings, false)];

  for (const record of clicks(10)) for (const encoder of [open, closed]) encoder.add(record);

  assert.ok((open.journalBytes ?? 0) > 10 * 40);
  assert.equal(open.gatheredBytes - (open.journalBytes ?? 0), closed.gatheredBytes);
  assert.equal(closed.takeJournal?.(), undefined);
  open.takeJournal?.();
  assert.equal(open.gatheredBytes, closed.gatheredBytes);
});

test('a journal of many blocks is read wherever its pieces end', async () => {
  const steps = clicks(12_000).map(
    (record, index) => ({ record, after: index % 6_000 === 5_999 ? 'barrier' : 'nothing' }) as const,
  );
  const settings = { rowGroupBytes: 2 ** 30, compression: 'none' as const };
  const { durable } = writeOpen(steps, settings);

  const last = durable.at(-1) as Durable;
  assert.ok(last.journal.length > 1024 * 1024);
  for (const pieceBytes of [4_099, 300_000, last.journal.length])
    assert.deepEqual(await finished(last, pieceBytes), writeClosed(steps, settings));
});

test('a record is the source’s memory only until it was added', async () => {
  const value = Buffer.from('{"text":"first"}');
  const record = { topic: 't', partition: 0, offset: 0, timestampMs: 0, key: null, headers: [], value };
  const encoder = newEncoder({ rowGroupBytes: 2 ** 30, compression: 'none' }, true);
  encoder.add(record);
  value.write('{"text":"other"}');

  const journal = Buffer.concat(encoder.takeJournal?.()?.chunks ?? []);

  const file = await finished({ records: 1, prefix: Buffer.alloc(0), journal });
  const [row] = await readWithHyparquet(file, COLUMNS);
  assert.equal(row?.[12], 'first');
});

test('what cannot be ended says so: a later version, another format, bytes that are missing', async () => {
  const { durable } = writeOpen([{ record: clicks(1)[0] as FormatRecord, after: 'barrier' }], {
    ...{ rowGroupBytes: 1000, compression: 'none' },
  });
  const { journal } = durable[0] as Durable;
  const begins = (first: object) => {
    const writer = new JournalWriter();
    writer.value(first);
    return Buffer.concat(writer.take());
  };

  await assert.rejects(endOpen(inPieces(begins({ format: 'parquet', version: 2 }), 9), 0), {
    ...{ kind: 'config', code: 'OPEN_PART_VERSION' },
  });
  await assert.rejects(endOpen(inPieces(begins({ format: 'orc', version: 1 }), 9), 0), {
    ...{ kind: 'config', code: 'OPEN_PART_FORMAT' },
  });
  await assert.rejects(endOpen(inPieces(journal.subarray(0, -1), 9), 0), /ends with a block/);
  await assert.rejects(endOpen(inPieces(Buffer.alloc(0), 9), 0), /begins with/);
  await assert.rejects(endOpen(inPieces(journal, 9), 4), /what is in the file/);
});
