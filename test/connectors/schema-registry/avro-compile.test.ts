import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDecimal } from '../../../connectors/formats/numbers.ts';
import { SchemaProblem } from '../../../connectors/formats/schema-problem.ts';
import { compileAvro } from '../../../connectors/schema-registry/avro-compile.ts';
import { ValueProblem } from '../../../connectors/schema-registry/avro-input.ts';
import { longBytes, readAvro } from './support/values.ts';

const long = (value: number) => longBytes(BigInt(value));
const text = (value: string) => [...long(Buffer.byteLength(value)), ...Buffer.from(value)];
/** A value as JSON text, where every number has its digits. */
const json = (value: unknown) => JSON.stringify(value);
const record = (fields: object[], more: object = {}) => ({ type: 'record', name: 'R', fields, ...more });

function refused(schema: unknown, bytes: Uint8Array | readonly number[], why: RegExp, path = ''): void {
  assert.throws(
    () => readAvro(schema, bytes),
    (error) => error instanceof ValueProblem && why.test(error.message) && error.path.join('.') === path,
  );
}

function noSchema(schema: unknown, why: RegExp, path = ''): void {
  assert.throws(
    () => compileAvro(schema),
    (error) => error instanceof SchemaProblem && why.test(error.message) && error.path === path,
  );
}

test('a decimal is a number where a double prints its digits, else its digits, whatever its sign and length', () => {
  const bytes = (unscaled: bigint, padding: number) => {
    let length = 1 + padding;
    while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length++;
    const hex = BigInt.asUintN(length * 8, unscaled).toString(16);
    return Buffer.from(hex.padStart(length * 2, '0'), 'hex');
  };
  const digits = fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n });

  fc.assert(
    fc.property(digits, fc.nat(120), fc.nat(38), fc.nat(3), (full, bits, scale, padding) => {
      const unscaled = full >> BigInt(bits);
      const body = bytes(unscaled, padding);
      const schema = { type: 'bytes', logicalType: 'decimal', precision: 39, scale };
      const value = readAvro(record([{ name: 'd', type: schema }]), [...long(body.length), ...body]) as { d: unknown };
      const fixed = { type: 'fixed', name: 'F', size: body.length, logicalType: 'decimal', precision: 39, scale };
      assert.deepEqual(readAvro(fixed, body), value.d);
      const wide = bytes(unscaled, padding + 7);
      assert.deepEqual(readAvro({ ...fixed, size: wide.length }, wide), value.d);
      const exact = formatDecimal(unscaled, scale);
      if (typeof value.d === 'number') assert.equal(Number(exact), value.d);
      else assert.equal(json(value.d), exact);
      const written = String(typeof value.d === 'number' ? value.d : json(value.d));
      const [mantissa = '', exponent = '0'] = written.split('e');
      const [whole = '', fraction = ''] = mantissa.split('.');
      const places = fraction.length - Number(exponent);
      assert.equal(BigInt(whole + fraction) * 10n ** BigInt(scale + 40), unscaled * 10n ** BigInt(places + 40));
    }),
    { numRuns: 2_000 },
  );
  const decimal = { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 };
  refused(record([{ name: 'd', type: decimal }]), [0], /a decimal of no bytes/, 'd');
  refused(record([{ name: 'd', type: decimal }]), [...long(513), ...Buffer.alloc(513)], /a decimal of 513 bytes/, 'd');
});

test('a logical type that is unknown, or makes no sense, is what it is made of', () => {
  const inside = (type: unknown, bytes: readonly number[]) =>
    (readAvro(record([{ name: 'a', type }]), bytes) as { a: unknown }).a;

  assert.equal(inside({ type: 'bytes', logicalType: 'decimal', precision: 2, scale: 3 }, [2, 1]), 'AQ==');
  assert.equal(inside({ type: 'bytes', logicalType: 'decimal' }, [2, 1]), 'AQ==');
  assert.equal(inside({ type: 'string', logicalType: 'date' }, text('x')), 'x');
  assert.equal(inside({ type: 'long', logicalType: 'time-micros' }, [2]), 1);
  assert.equal(inside({ type: 'long', logicalType: 'local-timestamp-millis' }, [2]), 1);
});

test('dates and times are ISO 8601 in UTC, with the digits of their unit', () => {
  assert.equal(readAvro({ type: 'int', logicalType: 'date' }, long(19_782)), '2024-02-29');
  assert.equal(readAvro({ type: 'long', logicalType: 'timestamp-millis' }, long(-1)), '1969-12-31T23:59:59.999Z');
  assert.equal(readAvro({ type: 'long', logicalType: 'timestamp-micros' }, long(1)), '1970-01-01T00:00:00.000001Z');
  const far = (value: bigint, logicalType: string) => readAvro({ type: 'long', logicalType }, longBytes(value));
  assert.equal(far(253_402_300_799_999_999n, 'timestamp-micros'), '9999-12-31T23:59:59.999999Z');
  assert.equal(far(-62_135_596_800_000_001n, 'timestamp-micros'), '0000-12-31T23:59:59.999999Z');
  assert.equal(far(-(2n ** 63n), 'timestamp-millis'), '-292275055-05-16T16:47:04.192Z');
});

test('numbers that JSON does not know are texts, those beyond 2^53 digits, and zero keeps its sign', () => {
  const double = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return bytes;
  };

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    assert.equal(readAvro('double', double(value)), String(value));
  for (const [value, digits] of [
    [2 ** 60, '1152921504606846976'],
    [-(2 ** 53), '-9007199254740992'],
    [1e300, '1e+300'],
    [2 ** 53 - 1, '9007199254740991'],
  ] as const)
    assert.equal(json(readAvro('double', double(value))), digits);
  assert.equal(typeof readAvro('double', double(2 ** 53)), 'object');
  assert.equal(typeof readAvro('double', double(2 ** 53 - 1)), 'number');
  assert.equal(readAvro('float', [0, 0, 0xc0, 0x7f]), 'NaN');
  assert.equal(readAvro('double', double(-0)), -0);
});

test('unions are the value of their branch, enums their symbol, bytes and fixed base64', () => {
  const schema = record([
    { name: 'u', type: ['null', 'string', 'int'] },
    { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
    { name: 'b', type: 'bytes' },
    { name: 'f', type: { type: 'fixed', name: 'F', size: 2 } },
    { name: 'n', type: ['null', 'E'] },
  ]);

  const bytes = [2, ...text('x'), 2, 4, 1, 2, 3, 4, 0];
  assert.deepEqual(readAvro(schema, bytes), { u: 'x', e: 'B', b: 'AQI=', f: 'AwQ=', n: null });
  refused(schema, [6], /branch 3 of a union of 3/, 'u');
  refused(schema, [1], /branch -1 of a union of 3/, 'u');
  refused(schema, [0, 4], /symbol 2 of an enum of 2/, 'e');
});

test('nothing but bytes is all that is there, as Confluent writes it', () => {
  assert.equal(readAvro('bytes', [4, 1, 2]), 'BAEC');
  assert.equal(readAvro({ type: 'bytes' }, []), '');
});

test('arrays and maps come in any number of blocks, with or without their length', () => {
  const items = { type: 'array', items: 'int' };

  assert.deepEqual(readAvro(items, [4, 2, 4, 2, 6, 0]), [1, 2, 3]);
  assert.deepEqual(readAvro(items, [3, 4, 2, 4, 0]), [1, 2]);
  assert.deepEqual(readAvro({ type: 'map', values: items }, [2, ...text('a'), 0, 2, ...text('b'), 2, 8, 0, 0]), {
    a: [],
    b: [4],
  });
  refused(items, [3, 40, 2, 4, 0], /items of 20 bytes where 3 are left/);
});

test('a name such as __proto__ is a key like any other', () => {
  const map = readAvro({ type: 'map', values: 'int' }, [2, ...text('__proto__'), 2, 0]) as object;
  const fields = readAvro(record([{ name: '__proto__', type: 'int' }]), [2]) as object;

  for (const value of [map, fields]) {
    assert.equal(json(value), '{"__proto__":1}');
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  }
});

test('named types are found by namespaces, and contain themselves', () => {
  const tree = record(
    [
      { name: 'kind', type: { type: 'enum', name: 'other.Kind', symbols: ['LEAF', 'NODE'] } },
      { name: 'children', type: { type: 'array', items: 'R' } },
      { name: 'next', type: ['null', 'a.b.R'] },
      { name: 'again', type: 'other.Kind' },
    ],
    { namespace: 'a.b' },
  );

  const leaf = [0, 0, 0, 2];
  const read = readAvro(tree, [2, 2, ...leaf, 0, 2, ...leaf, 0]);
  const leafValue = { kind: 'LEAF', children: [], next: null, again: 'NODE' };
  assert.deepEqual(read, { kind: 'NODE', children: [leafValue], next: leafValue, again: 'LEAF' });
});

test('what is no schema is refused with its path', () => {
  const field = (type: unknown) => record([{ name: 'a', type }]);

  noSchema(field('Nobody'), /unknown type Nobody/, 'a');
  noSchema(field({ type: 'array', items: 7 }), /expected a type/, 'a[]');
  noSchema(field({ type: 'map' }), /expected a type/, 'a{}');
  noSchema(field({ type: 'enum', name: 'E' }), /an enum without symbols/, 'a');
  noSchema(field({ type: 'fixed', name: 'F', size: -1 }), /a fixed without a size/, 'a');
  noSchema(field({ type: 'fixed' }), /a fixed without a name/, 'a');
  noSchema(field({ type: 'record', name: 'R', fields: [] }), /a second type R/, 'a');
  noSchema({ type: 'record', name: 'R' }, /a record without fields/);
  noSchema(record([{ type: 'int' }]), /a field without a name/);
  noSchema(
    record([
      { name: 'a', type: 'int' },
      { name: 'a', type: 'int' },
    ]),
    /two fields of one name/,
  );
  let deep: unknown = 'int';
  for (let depth = 0; depth < 200; depth++) deep = { type: 'array', items: deep };
  noSchema(deep, /more than 128 types inside each other/);
});
