import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecordCursor, walkRecords, walkValues } from '../../../connectors/kafka/records.ts';
import { GrowingColumns } from '../../../core/spi.ts';
import { encodeBatch, type TestRecord, varint } from '../../../testing/kafka/batch-encoder.ts';

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)));
const records = fc.array(
  fc.record({
    key: bytesOrNull,
    value: bytesOrNull,
    timestampMs: fc.integer({ min: -1, max: 2 ** 45 }),
    headers: fc.array(fc.tuple(fc.string({ maxLength: 5 }), bytesOrNull), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 30 },
);

const BASE = { offset: 1_000, timestampMs: 0, isLogAppendTime: false };

function columnsFor(count: number): GrowingColumns {
  const columns = new GrowingColumns();
  columns.makeRoom(count);
  return columns;
}

function bodyOf(all: readonly TestRecord[]): Buffer {
  return encodeBatch(all).subarray(61);
}

test('the cursor reads every field of every record', () => {
  fc.assert(
    fc.property(records, (all) => {
      const bytes = bodyOf(all);
      const cursor = new RecordCursor(bytes, 0, bytes.length);
      for (const [index, record] of all.entries()) {
        assert.ok(cursor.next());
        const part = (start: number, end: number) => (start < 0 ? null : bytes.subarray(start, end));
        assert.equal(cursor.offsetDelta, index);
        assert.equal(cursor.timestampDelta, record.timestampMs - (all[0]?.timestampMs as number));
        assert.deepEqual(part(cursor.keyStart, cursor.keyEnd), record.key);
        assert.deepEqual(part(cursor.valueStart, cursor.valueEnd), record.value);
        assert.deepEqual(cursor.headers(), record.headers);
      }
      assert.equal(cursor.at, bytes.length);
      assert.equal(cursor.next(), false);
    }),
  );
});

test('the raw lane finds the same values, whatever is skipped', () => {
  fc.assert(
    fc.property(records, fc.nat(), (all, some) => {
      const bytes = bodyOf(all);
      const skip = some % all.length;
      const count = all.length - skip;
      const into = { start: new Int32Array(count), end: new Int32Array(count) };

      assert.equal(walkValues(bytes, 0, bytes.length, skip, count, into), bytes.length);

      for (let index = 0; index < count; index++) {
        const value = all[skip + index]?.value ?? null;
        const start = into.start[index] as number;
        if (value === null) assert.equal(start, -1);
        else assert.deepEqual(bytes.subarray(start, into.end[index]), value);
      }
    }),
  );
});

test('columns hold what the cursor reads, whatever is skipped', () => {
  fc.assert(
    fc.property(records, fc.nat(), (all, some) => {
      const bytes = bodyOf(all);
      const skip = some % all.length;
      const count = all.length - skip;
      const into = columnsFor(count);

      assert.equal(walkRecords(bytes, 0, bytes.length, { skip, count, base: BASE }, into), bytes.length);

      const cursor = new RecordCursor(bytes, 0, bytes.length);
      for (let index = -skip; index < count; index++) {
        cursor.next();
        if (index < 0) continue;
        assert.deepEqual(
          [into.keyStart[index], into.keyEnd[index], into.start[index], into.end[index]],
          [cursor.keyStart, cursor.keyEnd, cursor.valueStart, cursor.valueEnd],
        );
        assert.deepEqual(
          [into.offset[index], into.timestampMs[index], into.headersStart[index], into.headersEnd[index]],
          [BASE.offset + cursor.offsetDelta, cursor.timestampDelta, cursor.headersStart, cursor.recordEnd],
        );
      }
    }),
  );
});

test('every value has at least 7 bytes of its own record around it, also null, which ends behind its length', () => {
  const all = [{ value: '' }, { value: null }, { value: 'x' }];
  const bytes = bodyOf(all);
  const into = { start: new Int32Array(3), end: new Int32Array(3) };
  walkValues(bytes, 0, bytes.length, 0, 3, into);
  // Each record: length, attributes, timestamp, offset, key length, value length, value, number of headers.
  assert.deepEqual([...into.start], [6, -1, 20]);
  assert.deepEqual([...into.end], [6, 13, 21]);
});

test('records that do not end where they say are found out by every lane', () => {
  const one = (body: number[]) => Buffer.from([body.length << 1, ...body]);
  const broken: [name: string, bytes: Buffer][] = [
    ['a record longer than the batch', Buffer.from([100, 0, 0, 0, 1, 1, 0])],
    ['a negative length', Buffer.concat([varint(-5), Buffer.alloc(10)])],
    ['a key longer than the record', one([0, 0, 0, 50, 1, 1, 0])],
    ['a value longer than the record', one([0, 0, 0, 1, 60, 1, 0])],
    ['a key of -2 bytes', one([0, 0, 0, 3, 1, 0])],
    ['a value of -2 bytes', one([0, 0, 0, 1, 3, 0])],
    ['no room for the number of headers', one([0, 0, 0, 1, 1])],
    ['varints without end', one([0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80])],
    ['nothing', Buffer.alloc(0)],
  ];
  for (const [name, bytes] of broken) {
    // Foreign bytes behind the batch must not complete the record.
    const framed = Buffer.concat([bytes, Buffer.alloc(64, 0)]);
    assert.equal(new RecordCursor(framed, 0, bytes.length).next(), false, name);
    const into = { start: new Int32Array(1), end: new Int32Array(1) };
    assert.equal(walkValues(framed, 0, bytes.length, 0, 1, into), -1, name);
    const walk = { skip: 0, count: 1, base: BASE };
    assert.equal(walkRecords(framed, 0, bytes.length, walk, columnsFor(1)), -1, name);
  }
});

test('noise never makes a lane read or report outside of its bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => {
      const bytes = Buffer.concat([Buffer.alloc(5, 0x7f), Buffer.from(noise), Buffer.alloc(40, 0x7f)]);
      const end = 5 + noise.length;
      const into = { start: new Int32Array(200), end: new Int32Array(200) };
      const walked = walkValues(bytes, 5, end, 0, 200, into);
      assert.ok(walked < 0, 'at most 120 bytes are not 200 records');
      for (let index = 0; index < -1 - walked; index++) {
        assert.ok((into.end[index] as number) < end && (into.start[index] as number) >= -1);
      }
      const cursor = new RecordCursor(bytes, 5, end);
      let count = 0;
      while (cursor.next()) {
        count++;
        assert.ok(cursor.valueEnd <= end && cursor.keyEnd <= end && cursor.recordEnd <= end);
        cursor.headers();
      }
      assert.equal(count, -1 - walked);

      const columns = columnsFor(200);
      assert.equal(walkRecords(bytes, 5, end, { skip: 0, count: 200, base: BASE }, columns), walked);
      for (let index = 0; index < count; index++) {
        const places = [columns.keyEnd, columns.end, columns.headersStart].map((column) => column[index] as number);
        assert.ok(places.every((at) => at >= 5 && at < end) && (columns.headersEnd[index] as number) <= end);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('headers that do not end with their record are told from none', () => {
  const intact = bodyOf([{ value: 'v', headers: [['name', 'value']] }]);
  const cursor = new RecordCursor(intact, 0, intact.length);
  cursor.next();
  assert.equal(cursor.headers()?.length, 1);
  for (const count of [0, 4, 100, 1]) {
    const bytes = Buffer.from(intact);
    bytes[cursor.headersStart] = count;
    const changed = new RecordCursor(bytes, 0, bytes.length);
    changed.next();
    assert.equal(changed.headers(), undefined, `number of headers ${count}`);
  }
});
