import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonTextOf } from '../../../connectors/schema-registry/json-text.ts';
import { rejected } from '../formats/record.ts';
import { scriptedRegistry } from './support/registry-env.ts';
import { AT, longBytes, prefixed } from './support/values.ts';

const { signal } = new AbortController();
const NOT_UTF8 = Uint8Array.of(0x22, 0xff, 0x22);

function textIn(format: 'jsonSchema' | 'json' | 'string' | 'bytes', bytes: Buffer | string): string {
  const whole = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return String(jsonTextOf(format, undefined).textOf(whole, AT));
}

test('JSON is passed on byte for byte, once it has been checked', async () => {
  const text = ' {"id":9007199254740993,\n"price":0.10000000000000000001,"name":"größe","name":"\uFFFD"} ';

  assert.equal(textIn('json', text), text);
  assert.equal(textIn('jsonSchema', prefixed(7, text)), text);
  for (const format of ['json', 'jsonSchema', 'string', 'bytes'] as const)
    await jsonTextOf(format, undefined).ready({ signal });
});

test('what is no JSON, no UTF-8 or has no prefix is rejected naming its place', () => {
  const rejects = (format: 'json' | 'jsonSchema', bytes: Buffer, code: string, message: RegExp) =>
    assert.throws(() => textIn(format, bytes), rejected(code, message));

  rejects(
    'json',
    Buffer.from('{"a":'),
    'VALUE_NOT_JSON',
    /^clicks\/3: the record at offset 12 has a value .*not JSON: /,
  );
  rejects('json', Buffer.alloc(0), 'VALUE_NOT_JSON', /not JSON/);
  rejects('json', Buffer.from(NOT_UTF8), 'VALUE_NOT_JSON', /not UTF-8/);
  rejects('jsonSchema', prefixed(7, '{"a":'), 'VALUE_NOT_JSON', /not JSON behind the id of its schema/);
  rejects('jsonSchema', Buffer.from('{"a":1}'), 'VALUE_NOT_WIRE_FORMAT', /does not begin with a zero byte/);
});

test('text becomes a JSON string, and any bytes base64', () => {
  const text = 'a "quoted"\nline \u2028 größe 😀';

  assert.equal(JSON.parse(textIn('string', text)), text);
  assert.ok(!textIn('string', text).includes('\n'));
  assert.equal(textIn('string', ''), '""');
  assert.equal(textIn('bytes', Buffer.from([0, 255, 10])), '"AP8K"');
  assert.throws(() => textIn('string', Buffer.from(NOT_UTF8)), rejected('VALUE_NOT_UTF8', /^clicks\/3: .* offset 12/));
});

test('Avro becomes JSON once its schema is there, numbers beyond 2^53 by their digits', async () => {
  const { client, model } = scriptedRegistry();
  const id = model.register({ subject: 'clicks-value', schema: { type: 'array', items: ['null', 'long', 'double'] } });
  const exact = Buffer.from([6, 2, ...longBytes(2n ** 63n - 1n), 4, ...doubleBytes(1e300), 0, 0]);
  const text = jsonTextOf('avro', client);

  assert.equal(text.textOf(prefixed(id, exact), AT), undefined);
  await text.ready({ signal });

  assert.equal(text.textOf(prefixed(id, exact), AT), '[9223372036854775807,1e+300,null]');
});

test('what would be more text than a string can hold is rejected naming its place', () => {
  const escaped = Buffer.alloc(90_000_000, 1); // six characters each

  assert.throws(() => textIn('string', escaped), rejected('VALUE_TOO_LARGE', /^clicks\/3: .* offset 12 .*too large/));
});

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
