import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, schemaIdOf } from '../../../connectors/schema-registry/wire-format.ts';
import type { SluiceError } from '../../../core/errors.ts';
import { rejected } from '../formats/record.ts';
import { AT, prefixed } from './support/values.ts';

test('a value names its schema in four bytes behind a zero byte', () => {
  for (const id of [0, 1, 258, 2 ** 31 - 1]) {
    assert.equal(schemaIdOf(prefixed(id, ''), AT), id);
    assert.equal(bodyOf(prefixed(id, 'body'), AT).toString(), 'body');
  }
});

test('anything else is rejected naming topic, partition and offset, and what it begins with', () => {
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /but is empty$/],
    [Buffer.from([0, 0, 0, 1]), /but with 00 00 00 01$/],
    [Buffer.from([1, 0, 0, 0, 7, 9]), /but with 01 00 00 00 07 09$/],
    [prefixed(-1, ''), /but with 00 ff ff ff ff$/],
    [Buffer.from('some text'), /but with 73 6f 6d 65 20 74 65 78 …$/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => schemaIdOf(bytes, AT), rejected('VALUE_NOT_WIRE_FORMAT', message));
    assert.throws(
      () => bodyOf(bytes, AT),
      rejected('VALUE_NOT_WIRE_FORMAT', /^clicks\/3: the record at offset 12 has /),
    );
  }
});

test('where it looks like JSON the help says so', () => {
  const helpFor = (text: string) => {
    try {
      schemaIdOf(Buffer.from(text), AT);
    } catch (error) {
      return (error as SluiceError).help ?? '';
    }
    return assert.fail('it is a value');
  };

  for (const text of ['{"a":1}', ' [1]', '"x"', '-12.5'])
    assert.match(helpFor(text), /^It looks like plain JSON: set source.value.format: json/);
  assert.match(helpFor('text'), /^Does the producer write by a schema registry\?/);
});
