import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WireError, WireReader, WireWriter } from '../../../connectors/kafka/wire.ts';

test('whatever is written is read back the same', () => {
  const safe = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(
      safe,
      int32,
      fc.nat({ max: 2 ** 31 - 1 }),
      fc.option(fc.string()),
      fc.array(fc.string()),
      (long, int, length, text, list) => {
        const writer = new WireWriter(1);
        writer.i64(long).i32(int).i16(-2).i8(-3).bool(true).unsignedVarint(length);
        writer.string(text).compactString(text);
        writer
          .array(list, (one) => writer.string(one))
          .compactArray(list, (one) => writer.compactString(one))
          .noTags();

        const reader = new WireReader(writer.done());

        assert.deepEqual(
          [reader.i64(), reader.i32(), reader.i16(), reader.i8(), reader.bool(), reader.unsignedVarint()],
          [long, int, -2, -3, true, length],
        );
        assert.equal(reader.nullableString(), text);
        assert.equal(reader.compactNullableString(), text);
        assert.deepEqual(
          reader.array(() => reader.string()),
          list,
        );
        assert.deepEqual(
          reader.compactArray(() => reader.compactString()),
          list,
        );
        reader.skipTags();
        assert.equal(reader.left, 0);
      },
    ),
  );
});

test('a read behind the end throws, also where the buffer goes on', () => {
  const bytes = Buffer.alloc(64, 1);
  for (const read of [
    (reader: WireReader) => reader.i8(),
    (reader: WireReader) => reader.i16(),
    (reader: WireReader) => reader.i32(),
    (reader: WireReader) => reader.i64(),
    (reader: WireReader) => reader.skip(1),
    (reader: WireReader) => reader.unsignedVarint(),
  ]) {
    assert.throws(() => read(new WireReader(bytes, 8, 8)), WireError);
  }
  const text = new WireWriter().string('abcdef').done();
  assert.throws(() => new WireReader(text, 0, 5).string(), WireError);
});

test('an array that claims more items than bytes are left is refused before anything is allocated', () => {
  const writer = new WireWriter().i32(2_000_000_000).i32(0);
  const reader = new WireReader(writer.done());
  assert.throws(() => reader.array(() => 0), WireError);
});

test('integers beyond 2^53 and endless varints are refused, not rounded', () => {
  assert.throws(() => new WireReader(Buffer.from('7fffffffffffffff', 'hex')).i64(), WireError);
  assert.throws(() => new WireReader(Buffer.alloc(10, 0xff)).unsignedVarint(), WireError);
});

test('null is refused where a text is required', () => {
  assert.throws(() => new WireReader(new WireWriter().string(null).done()).string(), WireError);
  assert.throws(() => new WireReader(new WireWriter().compactString(null).done()).compactString(), WireError);
});

test('unknown tagged fields are skipped', () => {
  const reader = new WireReader(Buffer.from([2, 0, 1, 9, 5, 2, 9, 9, 42]));
  reader.skipTags();
  assert.equal(reader.i8(), 42);
});
