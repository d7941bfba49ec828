import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ValueProblem } from '../../../connectors/schema-registry/avro-input.ts';
import { longBytes, readAvro } from './support/values.ts';

const long = (value: number) => longBytes(BigInt(value));
const text = (value: string) => [...long(Buffer.byteLength(value)), ...Buffer.from(value)];
/** A value as JSON text, where every number has its digits. */
const json = (value: unknown) => JSON.stringify(value);
const record = (fields: object[]) => ({ type: 'record', name: 'R', fields });

function refused(schema: unknown, bytes: Uint8Array | readonly number[], why: RegExp): void {
  assert.throws(
    () => readAvro(schema, bytes),
    (error) => error instanceof ValueProblem && why.test(error.message),
  );
}

test('longs of 64 bits keep every digit: a number where that is exact, else the digits', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.nat(63), (full, bits) => {
      const value = full >> BigInt(bits);
      const read = readAvro('long', longBytes(value));
      assert.equal(json(read), String(value));
      assert.equal(typeof read, Number.isSafeInteger(Number(value)) ? 'number' : 'object');
    }),
    { numRuns: 2_000 },
  );
  for (const edge of [2n ** 53n, 2n ** 52n, 2n ** 55n, 2n ** 31n, 2n ** 28n, 2n ** 27n, 2n ** 63n])
    for (const value of [-edge - 1n, -edge, 1n - edge, edge - 1n, edge, edge + 1n].filter(
      (n) => BigInt.asIntN(64, n) === n,
    ))
      assert.equal(json(readAvro('long', longBytes(value))), String(value));
});

test('ints of 32 bits are read, and longer ones refused', () => {
  fc.assert(fc.property(fc.integer(), (value) => assert.equal(readAvro('int', long(value)), value)));

  refused('int', long(2 ** 31), /an int of more than 32 bits/);
  refused('int', long(-(2 ** 31) - 1), /an int of more than 32 bits/);
  refused('int', [0xff, 0xff, 0xff, 0xff, 0x8f, 0], /an int of more than 32 bits/);
  refused('long', Buffer.alloc(11, 0xff), /a long of more than 64 bits/);
  refused('long', [...Buffer.alloc(9, 0xff), 2], /a long of more than 64 bits/);
});

test('a value may hold itself 256 times, and not once more', () => {
  const chain = record([{ name: 'next', type: ['null', { type: 'array', items: { type: 'map', values: ['R'] } }] }]);
  const level = [2, 2, 2, ...text('k'), 0];
  const nested = (depth: number) => [...Array(depth).fill(level).flat(), 0, ...Array(depth).fill([0, 0]).flat()];

  let value = readAvro(chain, nested(256)) as { next: [{ k: never }] | null };
  let depth = 0;
  for (; value.next !== null; depth++) value = value.next[0].k;
  assert.equal(depth, 256);
  assert.throws(() => readAvro(chain, nested(257)), /more than 256 records inside each other/);
});

test('lengths and counts that lie cost nothing', () => {
  const nulls = { type: 'array', items: 'null' };

  refused('string', long(2 ** 31), /a string of 2147483648 bytes where 0 are left/);
  refused('string', longBytes(2n ** 62n), /4611686018427387904 as the length of a string/);
  refused('string', [1], /a string of -1 bytes/);
  refused({ type: 'array', items: 'long' }, [...long(1e9), 2], /1000000000 items where 1 bytes are left/);
  refused({ type: 'map', values: 'null' }, [...long(9), 0, 0], /9 items where 2 bytes are left/);
  refused(nulls, [...long(1e9), 0], /more than 65536 items without a byte/);
  refused(
    { type: 'array', items: nulls },
    [8, ...[...long(6e4), 0], ...[...long(6e4), 0], 0, 0, 0],
    /items without a byte/,
  );
  refused(
    { type: 'array', items: { type: 'array', items: record([{ name: 'n', type: 'null' }]) } },
    [2, ...long(7e4), 0],
    /without a byte/,
  );
  assert.deepEqual(readAvro(nulls, [6, 0]), [null, null, null]);
});

test('a recursive type counts its bytes, so that a wide tree is no lie', () => {
  const tree = record([
    { name: 'id', type: 'int' },
    { name: 'children', type: { type: 'array', items: 'R' } },
  ]);
  const count = 70_000;

  const read = readAvro(tree, [0, ...long(count), ...Array(count).fill([0, 0]).flat(), 0]) as { children: unknown[] };

  assert.equal(read.children.length, count);
});

test('a value that breaks off anywhere is refused, and so is one with bytes behind it', () => {
  const schema = record([
    { name: 'a', type: 'long' },
    { name: 'b', type: ['null', 'string'] },
    { name: 'c', type: { type: 'map', values: 'double' } },
    { name: 'd', type: { type: 'fixed', name: 'F', size: 3 } },
    { name: 'e', type: 'float' },
    { name: 'f', type: 'boolean' },
  ]);
  const whole = [
    ...longBytes(2n ** 62n),
    2,
    ...text('größe'),
    2,
    ...text('k'),
    ...Buffer.alloc(8),
    0,
    1,
    2,
    3,
    0,
    0,
    0,
    0,
    1,
  ];

  readAvro(schema, whole);
  for (let length = 0; length < whole.length; length++)
    assert.throws(() => readAvro(schema, whole.slice(0, length)), ValueProblem, `${length} bytes`);
  refused(schema, [...whole, 0], /1 bytes behind the value/);
  refused('boolean', [2], /the byte 2 where a boolean is expected/);
  refused('string', [2, 0xff], /a string that is not UTF-8/);
  assert.equal(readAvro('string', text('\uFFFD')), '\uFFFD');
});

test('any bytes are a value or a problem of it', () => {
  const schema = record([
    { name: 'a', type: ['null', 'R', { type: 'map', values: ['R', 'string'] }] },
    { name: 'b', type: { type: 'array', items: ['long', { type: 'bytes', logicalType: 'decimal', precision: 4 }] } },
  ]);

  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        JSON.stringify(readAvro(schema, bytes));
      } catch (error) {
        if (!(error instanceof ValueProblem)) throw error;
      }
    }),
    { numRuns: 3_000 },
  );
});
