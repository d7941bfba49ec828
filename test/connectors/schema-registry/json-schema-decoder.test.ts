import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coercer } from '../../../connectors/formats/coerce.ts';
import { jsonSchemaDecoder } from '../../../connectors/schema-registry/json-schema-decoder.ts';
import { record, rejected } from '../formats/record.ts';
import { AT, prefixed } from './support/values.ts';

const decoder = jsonSchemaDecoder();

test('the JSON behind the prefix is the value, number for number', async () => {
  const text = '{"id":9007199254740993,"price":0.10000000000000000001,"n":1.5,"name":"größe"}';

  const decoded = decoder.decode(prefixed(7, text), AT);
  await decoder.ready({ signal: new AbortController().signal });

  assert.equal(JSON.stringify(decoded), `{"kind":"value","value":${text}}`);
});

test('whole numbers beyond 2^53 are digits even where a double holds them, so that a column of int64 takes them', () => {
  const int64 = coercer({ type: { kind: 'int64' }, nullable: false }, 'n');

  for (const text of [
    '9007199254740992',
    '-9007199254740992',
    '9007199254740993',
    '1e18',
    '12E+17',
    '123456789012345e3',
  ]) {
    const decoded = decoder.decode(prefixed(7, `{"n":${text}}`), AT) as { value: { n: unknown } };
    const exact = BigInt(
      text.replace(/^(-?\d+)e?\+?(\d*)$/i, (_, digits, zeros) => digits + '0'.repeat(Number(zeros))),
    );
    assert.equal(int64(decoded.value.n, record(null)), exact, text);
  }
});

test('what is no JSON, no UTF-8 or has no prefix is rejected naming its place', () => {
  const rejects = (bytes: Buffer, code: string, message: RegExp) =>
    assert.throws(() => decoder.decode(bytes, AT), rejected(code, message));

  rejects(prefixed(7, '{"a":'), 'VALUE_NOT_JSON', /^clicks\/3: the record at offset 12 has .*not JSON behind the id/);
  rejects(prefixed(7, Uint8Array.of(0x22, 0xff, 0x22)), 'VALUE_NOT_JSON', /not UTF-8/);
  rejects(Buffer.from('{"a":1}'), 'VALUE_NOT_WIRE_FORMAT', /does not begin with a zero byte/);
  rejects(
    prefixed(7, `[9007199254740993,${'['.repeat(1e6)}${']'.repeat(1e6)}]`),
    'VALUE_NOT_JSON',
    /nested too deeply/,
  );
  assert.equal(decoder.decode(prefixed(7, '"\uFFFD"'), AT).kind, 'value');
});
