import assert from 'node:assert/strict';
import avro from 'avsc';
import fc from 'fast-check';
import { DecodingReader } from '../../../../connectors/schema-registry/decoding-reader.ts';
import { jsonTextOf } from '../../../../connectors/schema-registry/json-text.ts';
import { GrowingColumns } from '../../../../core/batch/columns.ts';
import { LinePacker } from '../../../../core/batch/lines.ts';
import type { Frame, RecordHeaders } from '../../../../core/contract/batch.ts';
import { SharedMemoryBudget } from '../../../../core/runtime/memory-budget.ts';
import type { BatchSpec } from '../../../../testing/frames.ts';
import { FrameReader } from './frame-reader.ts';
import { type Script, scriptedRegistry } from './registry-env.ts';
import { prefixed } from './values.ts';

export const CLICK = {
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'n', type: 'int' },
    { name: 'text', type: ['null', 'string'] },
  ],
} satisfies avro.Schema;
/** Values are written by avsc, which knows nothing of our reader. */
const CLICKS = avro.Type.forSchema(structuredClone(CLICK) as avro.Schema);
const WORDS = avro.Type.forSchema('string');
const MEMORY_BYTES = 64 << 20;

/** A reader of these frames, which are Avro of schema 1 (clicks) and schema 2 (words). */
export function decoding(polls: ConstructorParameters<typeof FrameReader>[0], options: DecodingOptions = {}) {
  const { script, limits, schemas = [CLICK, '"string"'] } = options;
  const registry = scriptedRegistry({ urls: ['http://one:8081'], ...(script === undefined ? {} : { script }) });
  for (const schema of schemas) registry.model.register({ subject: 'any', schema });
  const held = { bytes: 0 };
  const set = (_gauge: string, bytes: number) => {
    held.bytes = bytes;
  };
  const memory = new SharedMemoryBudget(MEMORY_BYTES, { metrics: { add() {}, set } });
  const inner = new FrameReader(polls);
  const text = jsonTextOf('avro', registry.client);
  const reader = new DecodingReader({ reader: inner, text, memory, ...(limits === undefined ? {} : { limits }) });
  return { ...registry, inner, reader, held };
}

interface DecodingOptions {
  readonly script?: Script;
  readonly limits?: { readonly bytes: number; readonly records: number };
  readonly schemas?: readonly unknown[];
}

export const click = (n: number, text: string | null = null) => prefixed(1, CLICKS.toBuffer({ n, text }));
export const word = (text: string) => prefixed(2, WORDS.toBuffer(text));

export async function nextFrame(reader: DecodingReader<unknown>): Promise<Frame> {
  const polled = await reader.poll({ signal: new AbortController().signal });
  assert.ok(typeof polled !== 'string', `a frame, not ${polled}`);
  return polled;
}

/** The values of a frame, which is released. */
export function valuesOf(frame: Frame): (string | null)[] {
  const values = takenByRecords(frame).map(({ value }) => value);
  frame.release();
  return values;
}

export interface Seen {
  readonly split: string;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

const shared = new GrowingColumns();

/** As a lane does that takes records one by one: with columns that hold what was there before. */
export function takenByRecords(frame: Frame): Seen[] {
  return frame.batches.flatMap((batch) => {
    shared.makeRoom(batch.count);
    const { bytes, headersOf } = batch.decodeRecords(shared);
    const textOf = (start: number, end: number) => (start < 0 ? null : bytes.toString('utf8', start, end));
    return Array.from({ length: batch.count }, (_, index): Seen => {
      const offset = shared.offset[index] as number;
      if (index === 0) assert.equal(batch.offsetFirst, offset);
      assert.ok(batch.offsetAfter(index + 1) > offset && batch.offsetAfter(index) <= offset);
      return {
        split: batch.split,
        offset,
        timestampMs: shared.timestampMs[index] as number,
        key: textOf(shared.keyStart[index] as number, shared.keyEnd[index] as number),
        value: textOf(shared.start[index] as number, shared.end[index] as number),
        headers: readable(headersOf(index)),
      };
    });
  });
}

const readable = (headers: RecordHeaders) => headers.map(([name, value]) => [name, value?.toString() ?? null] as const);

/** As the raw lane does, so many records or bytes at a time. */
export function takenAsLines(frame: Frame, limits: { bytesMax: number; recordsMax: number }): string[] {
  const packer = new LinePacker({ delimiter: 10, newlines: 'rewrite', nulls: 'write' }, (batch) => batch.group);
  const ranges: Buffer[] = [];
  for (let taken = 0; taken < frame.count; ) {
    const range = packer.pack(frame, taken, () => limits);
    ranges.push(range.bytes);
    taken = range.taken;
  }
  // Looked at behind all of them: none may destroy what another one holds.
  return ranges.flatMap((bytes) => bytes.toString().split('\n').slice(0, -1));
}

/** A value and the JSON that it has to become. */
const anyValue = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ bytes: null, json: null }) },
  {
    weight: 4,
    arbitrary: fc
      .record({ n: fc.integer(), text: fc.option(fc.string({ unit: 'grapheme', maxLength: 40 })) })
      .map(({ n, text }) => ({ n, text: text?.toWellFormed() ?? null }))
      .map((value) => ({ bytes: prefixed(1, CLICKS.toBuffer(value)), json: JSON.stringify(value) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .string({ maxLength: 60 })
      .map((text) => text.toWellFormed())
      .map((text) => ({ bytes: word(text), json: JSON.stringify(text) })),
  },
);

const anyRecord = fc.record({
  value: anyValue,
  key: fc.option(fc.string({ maxLength: 12 }).map((key) => key.toWellFormed())),
  timestampMs: fc.nat(),
  headers: fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.option(fc.constantFrom('x', 'größe'))), { maxLength: 2 }),
});

export const anyBatch = fc.record({
  split: fc.constantFrom('clicks/0', 'clicks/1', 'views/0'),
  records: fc.array(anyRecord, { maxLength: 12 }),
  gap: fc.nat(3),
  compressed: fc.boolean(),
});

type AnyBatch = typeof anyBatch extends fc.Arbitrary<infer T> ? T : never;

/** Batches of one split go on where the one before has ended. */
export function specsOf(batches: readonly AnyBatch[]): (BatchSpec & { readonly records: AnyBatch['records'] })[] {
  const next = new Map<string, number>();
  return batches.map(({ split, records, gap, compressed }) => {
    const offset = next.get(split) ?? 10;
    next.set(split, offset + records.length + gap);
    return {
      ...{ split, offset, gap, compressed, records },
      values: records.map(({ value }) => value.bytes),
      keys: records.map(({ key }) => key),
      timestampsMs: records.map(({ timestampMs }) => timestampMs),
      headers: records.map(({ headers }) =>
        headers.map(([name, text]) => [name, text === null ? null : Buffer.from(text)] as const),
      ),
    };
  });
}

export const anyLimits = fc.record({
  bytes: fc.integer({ min: 16, max: 400 }),
  records: fc.integer({ min: 1, max: 20 }),
});
