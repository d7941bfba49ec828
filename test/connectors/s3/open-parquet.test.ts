import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PartFile } from '../../../connectors/filesink/part-files.ts';
import { columnSettings, columnsOf } from '../../../connectors/formats/columns.ts';
import { parquetFormat } from '../../../connectors/formats/parquet/encoder.ts';
import { rowReader } from '../../../connectors/formats/rows.ts';
import { s3Handles } from '../../../connectors/s3/handle.ts';
import { Journal } from '../../../connectors/s3/journal.ts';
import { type OpenUpload, type OpenUploadState, openUploadStates } from '../../../connectors/s3/open-upload.ts';
import { Retrier } from '../../../connectors/s3/retry.ts';
import { sweepTails } from '../../../connectors/s3/tail-sweep.ts';
import { OWNER as CONFORMANCE, SinkRun } from '../../../testing/conformance/sink-run.ts';
import { OWNER } from './support/committing.ts';
import { OpenFiles, PART_BYTES } from './support/open-files.ts';
import { BUCKET, newModel, sinkOn } from './support/scene.ts';

const COLUMNS = columnsOf({ columns: columnSettings.columns.unwrap().parse([{ meta: 'offset' }, 'text']) });
const MIB = 1024 * 1024;

const encoderOf = (rowGroupBytes: number, staysOpen: boolean) =>
  parquetFormat({
    ...{ columns: COLUMNS, rowOf: rowReader(COLUMNS) },
    settings: { rowGroupBytes, compression: 'none' },
  }).begin({ staysOpen });

const recordAt = (offset: number) => ({
  ...{ topic: 't', partition: 0, offset, timestampMs: 0, key: null, headers: [] },
  value: Buffer.from(JSON.stringify({ text: `${offset * 7919}-`.repeat(10) })),
});

/** The file of so many records without checkpoints. */
function wholeFile(records: number, rowGroupBytes: number): Buffer {
  const encoder = encoderOf(rowGroupBytes, false);
  for (let offset = 0; offset < records; offset++) encoder.add(recordAt(offset));
  return Buffer.concat(encoder.finish());
}

/** As slots keep it. */
const throughSlot = (place: OpenUpload): OpenUpload => {
  const { version, encode, decode } = openUploadStates;
  const value = encode({ place, covers: { 't/0': [0, 1] }, records: 1 });
  return decode(version, JSON.parse(JSON.stringify(value))).place;
};

/** A Parquet file that stays open. */
async function openParquet(bench: OpenFiles, rowGroupBytes: number) {
  const file: PartFile<unknown, OpenUpload> = await bench.incarnation(3).open();
  const encoder = encoderOf(rowGroupBytes, true);
  let records = 0;
  const barrierAfter = async (count: number): Promise<OpenUpload> => {
    for (let i = 0; i < count; i++) {
      encoder.add(recordAt(records++));
      // As much of a journal is kept before the cut.
      const early = i % 5 === 4 ? encoder.takeJournal?.() : undefined;
      if (early !== undefined) await bench.env.run(file.keepBeside?.(early) as Promise<void>);
    }
    const beside = encoder.takeJournal?.();
    const chunks = encoder.take();
    if (chunks.length > 0) await bench.env.run(file.append(chunks));
    return throughSlot((await bench.env.run(file.persist?.(beside) as Promise<OpenUpload>)) as OpenUpload);
  };
  return { barrierAfter };
}

/** What the object holds that a later incarnation makes of an open file. */
async function finished(bench: OpenFiles, open: OpenUpload): Promise<Buffer> {
  const { finisher, api } = bench.incarnation(8);
  const ended = await bench.env.run(finisher.finish(open));
  assert.equal(ended.kind, 'staged', JSON.stringify(ended));
  const { payload, bytes } = ended as Extract<typeof ended, { kind: 'staged' }>;
  const handle = s3Handles.decode(s3Handles.version, JSON.parse(JSON.stringify(s3Handles.encode(payload))));
  await bench.env.run(api.completeUpload(handle, handle.parts));
  const [object] = bench.model.objects(BUCKET, handle.key).map(([, { body }]) => body as Buffer);
  assert.equal(bytes, object?.length);
  assert.equal(payload.bytes, object?.length);
  return object as Buffer;
}

test('a Parquet file is finished at any barrier as the one that its records make, with parts that were sent or without', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 300, max: 4_000 }),
    async (counts, rowGroupBytes) => {
      const bench = new OpenFiles();
      const { barrierAfter } = await openParquet(bench, rowGroupBytes);
      let open: OpenUpload | undefined;
      for (const count of counts) open = await barrierAfter(count);

      const records = counts.reduce((sum, count) => sum + count, 0);
      assert.deepEqual(await finished(bench, open as OpenUpload), wholeFile(records, rowGroupBytes));
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

test('a file of which nothing was sent, and one with parts, tail and journal', async () => {
  const [one, other] = [new OpenFiles(), new OpenFiles()];
  const small = await (await openParquet(one, MIB)).barrierAfter(3);
  const large = await (await openParquet(other, 2.5 * PART_BYTES)).barrierAfter(100);

  assert.deepEqual([small.bytes, small.parts.length, small.tail.length, small.journal?.length], [0, 0, 0, 1]);
  assert.ok(large.parts.length > 1 && large.tail.length === 1 && (large.journal?.length ?? 0) > 0);
  assert.deepEqual(await finished(one, small), wholeFile(3, MIB));
  assert.deepEqual(await finished(other, large), wholeFile(100, 2.5 * PART_BYTES));
});

test('a slot names few pieces of a journal, however many checkpoints its row group takes', async () => {
  const bench = new OpenFiles();
  const { barrierAfter } = await openParquet(bench, MIB);

  let [piecesMax, open] = [0, undefined as OpenUpload | undefined];
  for (let i = 0; i < 600; i++) {
    open = await barrierAfter(1);
    piecesMax = Math.max(piecesMax, open.journal?.length ?? 0);
  }

  assert.ok(piecesMax > 30 && piecesMax <= 45, `${piecesMax}`);
  assert.deepEqual(await finished(bench, open as OpenUpload), wholeFile(600, MIB));
});

test('pieces that are large are not put together again', async () => {
  const bench = new OpenFiles();
  const { tails } = bench.incarnation(3);
  const journal = new Journal(tails);
  const keep = (bytes: number, fill: number, replaces = false) =>
    bench.env.run(journal.keep({ chunks: [Buffer.alloc(bytes, fill)], replaces }));

  const first = await keep(MIB, 1, true);
  for (const fill of [2, 3]) await keep(MIB, fill);
  const joined = await keep(MIB, 4);
  const later = await keep(5 * MIB, 5);
  const again = await keep(5, 6);

  assert.deepEqual(
    [first, joined, later, again].map((pieces) => pieces.map(({ bytes }) => bytes)),
    [[MIB], [4 * MIB], [4 * MIB, 5 * MIB], [4 * MIB, 5 * MIB, 5]],
  );
  assert.deepEqual(later[0], joined[0]);
  const body = await bench.env.run(tails.read(joined[0] as (typeof joined)[number]));
  assert.ok(body.equals(Buffer.concat([1, 2, 3, 4].map((fill) => Buffer.alloc(MIB, fill)))));
  assert.deepEqual((await keep(7, 7, true)).length, 1, 'what is replaced is not named any more');
});

test('a journal that is not there any more is a loss that says so, and a sweep keeps what a slot names', async () => {
  const bench = new OpenFiles();
  const { barrierAfter } = await openParquet(bench, MIB);
  await barrierAfter(5);
  const open = await barrierAfter(5);
  const { api } = bench.incarnation(4);
  await bench.env.run(
    sweepTails(
      { bucket: BUCKET, root: 'raw/', api, retrier: new Retrier(bench.env.env), settledBelow: 0 },
      { ...OWNER, epochBelow: 4 },
      { handles: [], open: [{ place: open, covers: {}, records: 10 }] },
      bench.controller.signal,
    ),
  );
  const keys = open.journal?.map(({ key }) => key) ?? [];
  assert.deepEqual(bench.tailKeys().toSorted(), keys.toSorted());

  bench.model.bucket(BUCKET).delete(keys[1] as string);
  const ended = await bench.env.run(bench.incarnation(8).finisher.finish(open));

  assert.ok(ended.kind === 'lost' && ended.why.includes(keys[1] as string), JSON.stringify(ended));
});

test('the sweep of a run at work deletes the pieces that its own checkpoints have replaced, with compression, too', async () => {
  for (const format of [
    { format: 'parquet' as const, columns: [{ field: 'n', type: 'int32' }] },
    { format: 'ndjson' as const, compression: 'gzip' as const },
  ]) {
    const model = newModel();
    const sink = sinkOn(model, { ...format, roll: { onCheckpoint: false } });
    await using run = await SinkRun.start(sink as never);
    let named: string[] = [];
    let open: OpenUploadState[] = [];
    for (let n = 0; n < 20; n++) {
      await run.write({ split: 't/0', offset: n, values: [`{"n":${n}}`] });
      open = ((await run.writer.cut({ number: n, last: false })).open ?? []) as OpenUploadState[];
      named = open.flatMap(({ place: { tail, journal = [] } }) => [...tail, ...journal].map(({ key }) => key));
    }
    const tailKeys = () => model.objects(BUCKET, 'raw/_sluice/_tails/').map(([key]) => key);
    assert.ok(tailKeys().length > named.length + 10, `${named.length} of ${tailKeys().length}`);

    const scope = { ...CONFORMANCE, epochBelow: run.epoch };
    await run.session.committer.abortOrphans(scope, { handles: [], open: open as never[] }, {});

    assert.deepEqual(tailKeys().toSorted(), named.toSorted(), format.format);
  }
});
