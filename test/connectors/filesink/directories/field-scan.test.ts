import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FieldScan, textOf } from '../../../../connectors/filesink/directories/field-scan.ts';
import { numberOf } from '../../../../connectors/filesink/directories/json-bytes.ts';

const NAMES = ['a', 'b', 'ab', '', '__proto__', 'constructor', 'é', '0', '"', '\\', '😀', 'a b'];
const PATHS = [
  ['a'],
  ['b'],
  ['a', 'b'],
  ['a', 'a', 'a'],
  ['__proto__'],
  ['é', 'a'],
  ['a', '0'],
  ['😀'],
  ['"'],
  ['\\', 'a'],
];

/** Any spelling of any JSON: space everywhere, escapes, keys that come twice. */
const space = fc.stringMatching(/^[ \t\n\r]{0,2}$/);
const spelled = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.infiniteStream(fc.nat(5))).map(([raw, choices]) => {
    const chars = Array.from({ length: raw.length }, (_, index) => {
      const unit = raw.charAt(index);
      if (choices.next().value === 0) return `\\u${raw.charCodeAt(index).toString(16).padStart(4, '0')}`;
      return /[\ud800-\udfff]/.test(unit) ? unit : JSON.stringify(unit).slice(1, -1);
    });
    return `"${chars.join('')}"`;
  });
const number = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  fc.constantFrom('0', '-0', '1e3', '1E+3', '2.50', '12345678901234567890', '-1.5e-7', '123456789012345', '1e999'),
);
const { json } = fc.letrec<{ json: string; object: string; array: string; name: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('true', 'false', 'null'),
    number,
    spelled(fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'grapheme' }))),
    tie('object'),
    tie('array'),
  ),
  name: spelled(fc.constantFrom(...NAMES)),
  object: fc
    .array(fc.tuple(space, tie('name'), space, space, tie('json'), space), { maxLength: 5 })
    .map((items) => `{${items.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join(',') || ' '}}`),
  array: fc
    .array(fc.tuple(space, tie('json'), space), { maxLength: 4 })
    .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
}));
const document = fc.tuple(space, json, space).map((parts) => parts.join(''));

const MISSING = Symbol('missing');

/** Node 24 confuses escaped keys of one object with those of another (nodejs/node#63785): these need no escapes. */
const renamed = (key: string) => Buffer.from(key, 'utf16le').toString('hex');
const KEY = /("(?:[^"\\]|\\.)*")(\s*:)?/g;

function byParsing(bytes: Buffer, path: readonly string[]): unknown {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    JSON.parse(text);
    value = JSON.parse(text.replace(KEY, (all, key, colon) => (colon ? `"${renamed(JSON.parse(key))}":` : all)));
  } catch {
    return MISSING;
  }
  for (const step of path.map(renamed)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
      return MISSING;
    value = (value as Record<string, unknown>)[step];
  }
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? 'an array' : 'an object';
}

function byScanning(bytes: Buffer, path: readonly string[]): unknown {
  // What lies around a value is another record's: it must not matter.
  const around = Buffer.concat([Buffer.from('{"a":'), bytes, Buffer.from('1}"]:,')]);
  const scan = new FieldScan(path);
  switch (scan.find(around, 5, 5 + bytes.length)) {
    case 'missing':
      return MISSING;
    case 'null':
      return null;
    case 'true':
      return true;
    case 'false':
      return false;
    case 'number':
      return numberOf(around, scan.start, scan.end);
    case 'string':
      return around.toString('utf8', scan.start, scan.end);
    case 'escaped':
      return textOf(around, scan.start, scan.end);
    case 'object':
      return 'an object';
    case 'array':
      return 'an array';
  }
}

function assertSame(bytes: Buffer): void {
  for (const path of PATHS)
    assert.deepEqual(byScanning(bytes, path), byParsing(bytes, path), `${path.join('.')} of ${bytes}`);
}

test('any JSON, however it is spelled, has the fields that JSON.parse finds', () => {
  fc.assert(
    fc.property(document, (text) => assertSame(Buffer.from(text))),
    { numRuns: 2000 },
  );
});

test('objects with the names that are looked for have them, at every depth', () => {
  const nested = fc
    .tuple(fc.constantFrom(...PATHS), json)
    .map(([path, inner]) =>
      path.reduceRight((text, step) => `{"x":${inner},${JSON.stringify(step)}:${text},"y":[{"a":1}]}`, inner),
    );
  fc.assert(
    fc.property(nested, (text) => assertSame(Buffer.from(text))),
    { numRuns: 1000 },
  );
});

test('what is not JSON has no fields, whatever is wrong with it', () => {
  const damage = fc.tuple(
    document,
    fc.nat(),
    fc.nat(2),
    fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[],:"\\01-.e+tn '))),
  );
  let broken = 0;
  fc.assert(
    fc.property(damage, ([text, place, how, byte]) => {
      const bytes = Buffer.from(text);
      const at = place % bytes.length;
      const parts = [
        bytes.subarray(0, at),
        Buffer.from(how === 0 ? [] : [byte]),
        bytes.subarray(at + (how === 1 ? 0 : 1)),
      ];
      const damaged = Buffer.concat(parts);
      if (byParsing(damaged, []) === MISSING) broken++;
      assertSame(damaged);
    }),
    { numRuns: 3000 },
  );
  assert.ok(broken > 300, 'most damage makes it no JSON');
});

test('the shapes that go wrong in scanners', () => {
  const texts = [
    ...[
      '',
      ' ',
      '{',
      '{}',
      '{} x',
      '{}{}',
      'null',
      '[{"a":1}]',
      '"a"',
      '{"a":1',
      '{"a":1}x',
      '{"a":1}}',
      '{"a":1]',
      '{"a"}',
    ],
    ...['{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":-}', '{"a":1e}', '{"a":0x1}', '{"a":NaN}', '{"a":tru}'],
    ...[
      '{"a":1,}',
      '{,"a":1}',
      '{"a":1 "b":2}',
      '{"a":[1,]}',
      '{"a":[,1]}',
      '{"a":[1 2]}',
      '{a:1}',
      "{'a':1}",
      '{"a":1}\u00a0',
    ],
    ...[
      '{"a":"\n"}',
      '{"a":"\\x"}',
      '{"a":"\\u12"}',
      '{"a":"\\u12g4"}',
      '{"a":"\\',
      '{"a":"\\u',
      '\ufeff{"a":1}',
      '{"a":"\u2028"}',
    ],
    ...[
      '{"a":1,"a":2}',
      '{"a":{"b":1},"a":2}',
      '{"a":{"b":1},"a":{}}',
      '{"a":2,"a":{"b":1}}',
      '{"\\u0061":1}',
      '{"a":1,"\\u0061":2}',
    ],
    ...[
      '{"a":{"a":{"a":1}}}',
      '{"x":{"b":1}}',
      '{"a":[{"b":1}]}',
      '{"a":{"x":{"b":1}}}',
      '{"a":["a",{"b":{}}],"b":{"a":"b"}}',
    ],
    ...[
      '{"a":{},"x":{"b":1}}',
      '{"a":{},"a":{"b":1}}',
      '{"a":{"a":{}},"x":{"a":1}}',
      '{"__proto__":1}',
      '{"__proto__":{"a":1}}',
      '{"a":{"b":[]},"b":[{}]}',
      '{"a":"\\ud800"}',
      '{"\\ud83d\\ude00":1}',
    ],
  ];
  for (const text of texts) assertSame(Buffer.from(text));
  assertSame(Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xc3, 0x22, 0x7d]));
});

test('a byte that ends or breaks a long string is seen wherever it lies', () => {
  const scan = new FieldScan(['a']);
  for (const byte of [0x00, 0x1f, 0x22, 0x5c, 0x20, 0x21, 0x7f, 0x80, 0xa2, 0xdc, 0xff]) {
    for (let at = 0; at < 60; at++) {
      for (const around of [0x23, 0x61, 0xff]) {
        const json = Buffer.from(`{"b":"${' '.repeat(60)}","a":1}`);
        json.fill(around, 6, 66);
        json[6 + at] = byte;

        const isPlain = byte >= 0x20 && byte !== 0x22 && byte !== 0x5c;
        assert.equal(scan.find(json, 0, json.length), isPlain ? 'number' : 'missing', `${byte} at ${at}`);
      }
    }
  }
});

test('nesting may be as deep as the value is long', () => {
  const deep = `${'{"a":['.repeat(20_000)}1${']}'.repeat(20_000)}`;

  assert.equal(byScanning(Buffer.from(`{"x":${deep},"b":7}`), ['b']), 7);
  assert.equal(byScanning(Buffer.from(`{"x":${deep.slice(0, -1)},"b":7}`), ['b']), MISSING);
});

test('a value that is null has no fields', () => {
  assert.equal(new FieldScan(['a']).find(Buffer.from('{"a":1}'), -1, -1), 'missing');
});
