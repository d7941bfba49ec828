import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { envelopeFormat, envelopeSettings } from '../../../connectors/formats/envelope.ts';
import type { FormatRecord } from '../../../connectors/formats/part-encoder.ts';
import { record, rejected } from './record.ts';

const schema = z.strictObject(envelopeSettings);
const begin = (envelope: object = {}) => envelopeFormat(schema.parse({ envelope }).envelope as never).begin();

function lineOf(one: FormatRecord, envelope: object = {}): string {
  const part = begin(envelope);
  part.add(one);
  return Buffer.concat(part.finish()).toString();
}

const key = Buffer.from('k"1');
const headers: [string, Buffer | null][] = [
  ['trace', Buffer.from('a')],
  ['trace', Buffer.from('b')],
  ['none', null],
];

test('a line says where a record is from, and its value last', () => {
  assert.equal(
    lineOf(record('{"a": 1}', { key, headers })),
    '{"topic":"clicks","partition":3,"offset":12,"timestamp":1700000000000,"key":"k\\"1",' +
      '"headers":[["trace","a"],["trace","b"],["none",null]],"value":{"a": 1}}\n',
  );
});

test('fields are those that were asked for, in their order', () => {
  assert.equal(lineOf(record('1'), { fields: ['offset', 'topic'] }), '{"offset":12,"topic":"clicks","value":1}\n');
  assert.equal(lineOf(record('1'), { fields: [] }), '{"value":1}\n');
  assert.match(
    schema.safeParse({ envelope: { fields: ['key', 'key'] } }).error?.issues[0]?.message ?? '',
    /^a field comes twice$/,
  );
});

test('no key and no value are null', () => {
  for (const as of ['json', 'trustedJson', 'text', 'base64'])
    assert.equal(lineOf(record(null), { fields: ['key'], key: as, value: as }), '{"key":null,"value":null}\n');
});

test('bytes are JSON, text or base64', () => {
  const line = (as: string, bytes: Buffer) =>
    lineOf(record(bytes, { key: bytes }), { fields: ['key'], key: as, value: as });

  assert.equal(line('json', Buffer.from('[1]')), '{"key":[1],"value":[1]}\n');
  assert.equal(line('text', Buffer.from('é\n')), '{"key":"é\\n","value":"é\\n"}\n');
  assert.equal(line('base64', Buffer.from([0xff, 0])), '{"key":"/wA=","value":"/wA="}\n');
  assert.equal(
    lineOf(record('1', { headers }), { fields: ['headers'], headers: 'base64' }),
    '{"headers":[["trace","YQ=="],["trace","Yg=="],["none",null]],"value":1}\n',
  );
});

test('a newline between tokens becomes a space; the memory of the source stays as it was', () => {
  const value = Buffer.from('{\n"a":\n"\\n"}\r\n');

  assert.equal(lineOf(record(value), { fields: [] }), '{"value":{ "a": "\\n"}\r }\n');
  assert.equal(lineOf(record(value), { fields: [], value: 'trustedJson' }), '{"value":{ "a": "\\n"}\r }\n');
  assert.equal(value.toString(), '{\n"a":\n"\\n"}\r\n');
});

test('what would break the line is refused, and leaves nothing of its record', () => {
  const part = begin({ headers: 'text' });
  const refuse = (one: FormatRecord, code: string, message: RegExp) =>
    assert.throws(() => part.add(one), rejected(code, message));

  refuse(record('{"a":'), 'ENVELOPE_NOT_JSON', /^clicks\/3: the record at offset 12 has a value that is not JSON: /);
  refuse(record('1} {"b":2'), 'ENVELOPE_NOT_JSON', /value that is not JSON/);
  refuse(record(''), 'ENVELOPE_NOT_JSON', /value that is not JSON/);
  refuse(record(Buffer.from('"\xff"', 'latin1')), 'ENVELOPE_NOT_JSON', /is not JSON: not UTF-8/);
  refuse(record('1', { key: Buffer.from([0xff]) }), 'ROW_NOT_UTF8', /has a key that is not UTF-8/);
  refuse(record('1', { headers: [['h', Buffer.from([0xff])]] }), 'ROW_NOT_UTF8', /has a header h that is not UTF-8/);
  assert.equal(part.gatheredBytes, 0);

  assert.throws(
    () => lineOf(record('"a\nb"'), { value: 'trustedJson' }),
    rejected('ENVELOPE_NOT_JSON', /value that is not JSON/),
  );
  assert.equal(lineOf(record('{"a":'), { fields: [], value: 'trustedJson' }), '{"value":{"a":}\n', 'not looked at');
});

test('any records are read back from their lines, whenever they are taken', () => {
  const bytes = fc.option(fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)));
  const one = fc.record({
    topic: fc.string(),
    offset: fc.maxSafeNat(),
    key: bytes,
    headers: fc.array(
      fc.tuple(
        fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed()),
        bytes,
      ),
    ),
    json: fc.json(),
    take: fc.boolean(),
  });

  fc.assert(
    fc.property(fc.array(one, { maxLength: 50 }), (records) => {
      const part = begin();
      const chunks: Buffer[] = [];
      for (const { json, take, ...rest } of records) {
        part.add(record(json, rest));
        if (take) chunks.push(...part.take());
      }
      chunks.push(...part.finish());

      const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1);
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        records.map(({ topic, offset, key, headers, json }) => ({
          topic: topic.toWellFormed(),
          partition: 3,
          offset,
          timestamp: 1_700_000_000_000,
          key: key?.toString() ?? null,
          headers: headers.map(([name, value]) => [name, value?.toString() ?? null]),
          value: JSON.parse(json),
        })),
      );
    }),
  );
});
