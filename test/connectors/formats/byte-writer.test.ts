import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { ByteWriter } from '../../../connectors/formats/byte-writer.ts';

const write = (put: (out: ByteWriter) => void): Buffer => {
  const out = new ByteWriter();
  put(out);
  return Buffer.concat(out.take());
};

/** Of 7 bits each, the lowest first, as the specification of Avro has it. */
function zigzag(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value < 0n ? -2n * value - 1n : 2n * value;
  for (; rest > 127n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  return Buffer.from([...bytes, Number(rest)]);
}

test('numbers of 64 bits are written alike as numbers and as bigints', () => {
  const edges = [0n, 63n, 64n, 2n ** 31n, 2n ** 37n, 2n ** 53n - 1n].flatMap((n) => [n, -n, n + 1n, -n - 1n]);
  const any = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer().map(BigInt),
    fc.maxSafeInteger().map(BigInt),
  );

  const check = (value: bigint) => {
    assert.deepEqual(
      write((out) => out.zigzag(value)),
      zigzag(value),
    );
    if (Number.isSafeInteger(Number(value)))
      assert.deepEqual(
        write((out) => out.zigzag(Number(value))),
        zigzag(value),
        `${value} as a number`,
      );
  };
  for (const edge of edges) check(edge);
  fc.assert(fc.property(any, check));
});

test('texts and bytes are what avsc writes, whatever their length', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 200 }),
  );
  const long = fc.tuple(text, fc.nat(400)).map(([one, times]) => one.repeat(times));
  const [string, bytes] = [avsc.Type.forSchema('string'), avsc.Type.forSchema('bytes')];

  fc.assert(
    fc.property(fc.array(fc.oneof(text, long)), (texts) => {
      const all = texts.map((one) => Buffer.from(one));
      const written = write((out) => {
        for (const one of texts) {
          out.text(one);
          out.sizedText(one);
          out.sizedBytes(Buffer.from(one));
        }
      });
      const expected = all.flatMap((one, index) => [one, string.toBuffer(texts[index]), bytes.toBuffer(one)]);
      assert.deepEqual(written, Buffer.concat(expected));
    }),
    { numRuns: 30 },
  );
});

test('what was taken stays as it is while more is written', () => {
  const out = new ByteWriter();
  out.text('first');
  const first = out.take();
  assert.equal(out.length, 0);
  out.text('second');
  assert.equal(out.length, 6);
  out.bytes(Buffer.alloc(10_000, 1));
  out.byte(2);
  assert.equal(out.length, 10_007);

  assert.equal(Buffer.concat(first).toString(), 'first');
  assert.deepEqual(
    Buffer.concat(out.take()),
    Buffer.concat([Buffer.from('second'), Buffer.alloc(10_000, 1), Buffer.from([2])]),
  );
  assert.deepEqual(out.take(), []);
});
