import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LineFormat, type LineLimits, LinePacker, type LineRange } from '../../../core/batch/lines.ts';
import type { RecordBatch } from '../../../core/contract/batch.ts';
import { type BatchSpec, frameOf, type TestFrame } from '../../../testing/frames.ts';

const NDJSON: LineFormat = { delimiter: 10, newlines: 'rewrite', nulls: 'fail' };
const RAW: LineFormat = { delimiter: 0, newlines: 'pass', nulls: 'write' };
const UNLIMITED: LineLimits = { bytesMax: Number.MAX_SAFE_INTEGER, recordsMax: Number.MAX_SAFE_INTEGER };

/** Packs everything, and looks at the bytes only at the end, when later packing could have destroyed earlier ranges. */
function packAll(
  packer: LinePacker<string>,
  frame: TestFrame,
  limitsFor: (group: string) => LineLimits = () => UNLIMITED,
) {
  const ranges: LineRange<string>[] = [];
  for (let taken = 0; taken < frame.count; taken = (ranges.at(-1) as LineRange<string>).taken) {
    ranges.push(packer.pack(frame, taken, limitsFor));
  }
  return ranges;
}

const byGroup = (batch: RecordBatch) => batch.group;
const textOf = (ranges: readonly LineRange<string>[]) => Buffer.concat(ranges.map(({ bytes }) => bytes)).toString();

test('the values of several splits become one range of lines', () => {
  const frame = frameOf([
    { split: 't/0', offset: 5, values: ['{"a":1}', '{"a":2}'] },
    { split: 't/1', offset: 0, values: ['{"a":3}'], gap: 2 },
  ]);

  const ranges = packAll(new LinePacker(NDJSON, byGroup), frame);

  assert.equal(ranges.length, 1);
  assert.equal(textOf(ranges), '{"a":1}\n{"a":2}\n{"a":3}\n');
  assert.equal(ranges[0]?.records, 3);
  assert.deepEqual(ranges[0]?.covers, [
    { split: 't/0', from: 5, to: 7 },
    { split: 't/1', from: 0, to: 3 },
  ]);
});

test('a range never mixes groups', () => {
  const frame = frameOf([
    { split: 'a/0', values: ['1'] },
    { split: 'b/0', values: ['2'] },
    { split: 'a/1', values: ['3'] },
  ]);

  const ranges = packAll(new LinePacker(NDJSON, byGroup), frame);

  assert.deepEqual(
    ranges.map(({ target, bytes }) => [target, bytes.toString()]),
    [
      ['a', '1\n'],
      ['b', '2\n'],
      ['a', '3\n'],
    ],
  );
});

test('a range ends with the record that reaches a limit', () => {
  const values = ['1111', '2222', '3333', '4444'];

  const byRecords = packAll(new LinePacker(NDJSON, byGroup), frameOf([{ split: 't/0', values }]), () => ({
    bytesMax: 1000,
    recordsMax: 3,
  }));
  const byBytes = packAll(new LinePacker(NDJSON, byGroup), frameOf([{ split: 't/0', values }]), () => ({
    bytesMax: 6,
    recordsMax: 1000,
  }));

  assert.deepEqual(
    byRecords.map(({ records }) => records),
    [3, 1],
  );
  assert.deepEqual(
    byBytes.map(({ records }) => records),
    [2, 2],
  );
});

test('a newline between the tokens of a JSON value becomes a space', () => {
  const frame = frameOf([{ split: 't/0', values: ['1', '{\n  "a": "x\\ny"\n}', '2'] }]);

  assert.equal(textOf(packAll(new LinePacker(NDJSON, byGroup), frame)), '1\n{   "a": "x\\ny" }\n2\n');
});

test('a newline in a value that is not JSON is rejected, naming the split and the offset', () => {
  const frame = frameOf([{ split: 't/0', offset: 40, values: ['1', '2', 'two\nlines', '3'] }]);

  assert.throws(() => packAll(new LinePacker(NDJSON, byGroup), frame), {
    kind: 'rejected',
    code: 'NDJSON_BARE_NEWLINE',
    details: { split: 't/0', offset: 42 },
  });
});

test('a newline inside a JSON string is rejected, because a space there would be another value', () => {
  const frame = frameOf([{ split: 't/0', values: ['{"a":"x\ny"}'] }]);

  assert.throws(() => packAll(new LinePacker(NDJSON, byGroup), frame), { code: 'NDJSON_BARE_NEWLINE' });
});

test('raw values keep their newlines', () => {
  const frame = frameOf([{ split: 't/0', values: ['two\nlines', 'x'] }]);

  assert.equal(textOf(packAll(new LinePacker(RAW, byGroup), frame)), 'two\nlines\0x\0');
});

test('a null value stops, naming the split and the offset, unless the policy says otherwise', () => {
  const spec: BatchSpec = { split: 't/0', offset: 7, values: ['1', null], gap: 100 };

  assert.throws(() => packAll(new LinePacker(NDJSON, byGroup), frameOf([spec])), {
    kind: 'rejected',
    code: 'NULL_VALUE',
    details: { split: 't/0', offset: 8 },
  });
  const skipped = packAll(new LinePacker({ ...NDJSON, nulls: 'skip' }, byGroup), frameOf([spec]));
  assert.equal(textOf(skipped), '1\n');
  assert.deepEqual(skipped.at(-1)?.covers, [{ split: 't/0', from: 7, to: 109 }]);
  assert.equal(textOf(packAll(new LinePacker({ ...NDJSON, nulls: 'write' }, byGroup), frameOf([spec]))), '1\nnull\n');
  assert.equal(textOf(packAll(new LinePacker(RAW, byGroup), frameOf([spec]))), '1\0\0');
});

test('nothing but skipped nulls is a range without lines that still takes its records', () => {
  const frame = frameOf([{ split: 't/0', values: [null, null] }]);

  const [range] = packAll(new LinePacker({ ...NDJSON, nulls: 'skip' }, byGroup), frame);

  assert.equal(range?.taken, 2);
  assert.equal(range?.records, 0);
  assert.equal(range?.bytes.length, 0);
});

test('a value larger than any slab gets one of its own', () => {
  const large = 'x'.repeat(100_000);
  const frame = frameOf([{ split: 't/0', values: ['1', large, '2'], compressed: true }]);

  assert.equal(textOf(packAll(new LinePacker(NDJSON, byGroup), frame)), `1\n${large}\n2\n`);
});

test('records are packed in order, each once', () => {
  const packer = new LinePacker(NDJSON, byGroup);
  const frame = frameOf([{ split: 't/0', values: ['1', '2'] }]);
  packer.pack(frame, 0, () => ({ bytesMax: 1, recordsMax: 1 }));

  assert.throws(() => packer.pack(frame, 0, () => UNLIMITED), { code: 'ASSERTION' });
});

test('a source without the promised room around its values is found out before it costs a record', () => {
  const frame = frameOf([{ split: 't/0', offset: 3, values: ['aaaa', 'bbbb'] }]);
  const [batch] = frame.batches;
  assert.ok(batch);
  batch.decodeValues = ({ start, end }) => {
    start.set([0, 4]);
    end.set([4, 8]);
    return { bytes: Buffer.from('aaaabbbb--------'), inPlace: true };
  };

  assert.throws(() => packAll(new LinePacker(NDJSON, byGroup), frame), {
    kind: 'bug',
    code: 'NO_ROOM_IN_PLACE',
    details: { split: 't/0', offset: 4 },
  });
});

test('memory that a source uses again is searched for newlines again', () => {
  const memory = Buffer.alloc(100, '-');
  const frameWith = (value: string) => {
    const frame = frameOf([{ split: 't/0', values: [value] }]);
    const [batch] = frame.batches;
    assert.ok(batch);
    memory.write(value, 10);
    batch.decodeValues = ({ start, end }) => {
      start[0] = 10;
      end[0] = 10 + value.length;
      return { bytes: memory, inPlace: true };
    };
    return frame;
  };
  const packer = new LinePacker(NDJSON, byGroup);

  packAll(packer, frameWith('[ 1]'));

  // The line of the first frame ends in the only newline before this.
  assert.equal(textOf(packAll(packer, frameWith('[\n\n\n\n1]'))), '[    1]\n');
});

const jsonText = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.json({ maxDepth: 2 }).map((text) => JSON.stringify(JSON.parse(text), null, 1)),
  fc.constant('""'),
);
const batchSpec = fc.record({
  split: fc.constantFrom('a/0', 'a/1', 'b/0'),
  values: fc.array(fc.option(jsonText, { freq: 5 }), { maxLength: 8 }),
  gap: fc.nat(3),
  compressed: fc.boolean(),
});

/** Each batch begins where the one before it in its split ended. */
function withOffsets(specs: readonly BatchSpec[]): BatchSpec[] {
  const next = new Map<string, number>();
  return specs.map((spec) => {
    const offset = next.get(spec.split) ?? 0;
    next.set(spec.split, offset + spec.values.length + (spec.gap ?? 0));
    return { ...spec, offset };
  });
}

function naiveLines(specs: readonly BatchSpec[], { newlines, nulls, delimiter }: LineFormat): Map<string, string> {
  const lines = new Map<string, string>();
  for (const { split, values } of specs) {
    const group = split.slice(0, 1);
    for (const value of values) {
      if (value === null && nulls === 'skip') continue;
      const text = value === null ? (newlines === 'rewrite' ? 'null' : '') : String(value);
      const line = newlines === 'rewrite' ? text.replaceAll('\n', ' ') : text;
      lines.set(group, (lines.get(group) ?? '') + line + String.fromCharCode(delimiter));
    }
  }
  return lines;
}

test('packed lines are the naive join, whatever batches, groups, nulls, newlines and limits', () => {
  const property = fc.property(
    fc.array(batchSpec, { maxLength: 8 }).map(withOffsets),
    fc.constantFrom<LineFormat>(
      { ...NDJSON, nulls: 'write' },
      { ...NDJSON, nulls: 'skip' },
      { ...RAW, nulls: 'write' },
      { ...RAW, nulls: 'skip' },
    ),
    fc.record({ bytesMax: fc.integer({ min: 1, max: 60 }), recordsMax: fc.integer({ min: 1, max: 5 }) }),
    (specs, format, limits) => {
      const packer = new LinePacker(format, byGroup);
      // The packer is used for frame after frame, so one that went before must leave no trace.
      packAll(packer, frameOf([{ split: 'a/0', values: ['1', '"2"'] }]));
      const frame = frameOf(specs);

      const ranges = packAll(packer, frame, () => limits);

      const packed = new Map<string, string>();
      let takenBefore = 0;
      for (const { target, bytes, records, taken } of ranges) {
        assert.ok(taken > takenBefore && taken <= frame.count);
        takenBefore = taken;
        assert.ok(records <= limits.recordsMax);
        if (records > 0) packed.set(target, (packed.get(target) ?? '') + bytes.toString());
      }
      assert.deepEqual(packed, naiveLines(specs, format));
      assertCoversAreExact(specs, ranges);
    },
  );

  fc.assert(property, { numRuns: 1000 });
});

/** Every split's ranges follow each other without holes, from its first offset to behind its last gap. */
function assertCoversAreExact(specs: readonly BatchSpec[], ranges: readonly LineRange<string>[]): void {
  const next = new Map<string, number>();
  for (const { covers } of ranges) {
    for (const { split, from, to } of covers) {
      // An empty batch between two others only moves the position, which no range says.
      assert.ok(from >= (next.get(split) ?? 0));
      assert.ok(to > from);
      next.set(split, to);
    }
  }
  for (const split of new Set(specs.map((spec) => spec.split))) {
    const last = specs.findLast((spec) => spec.split === split && spec.values.length > 0);
    if (last === undefined) continue;
    assert.equal(next.get(split), (last.offset ?? 0) + last.values.length + (last.gap ?? 0));
  }
}
