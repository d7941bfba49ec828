import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRowType, parseRowType } from '../../../connectors/formats/row-type.ts';

const problemOf = (text: string) => {
  const parsed = parseRowType(text);
  return 'problem' in parsed ? parsed.problem : `no problem: ${formatRowType(parsed.type)}`;
};

test('every type is written as it is read', () => {
  for (const text of [
    'boolean',
    'int32',
    'int64',
    'float32',
    'float64',
    'string',
    'bytes',
    'date',
    'json',
    'timestamp(ms)',
    'timestamp(us)',
    'decimal(18,2)',
    'decimal(38,0)',
    'list<string>',
    'struct<a:int64,b:string!>',
    'list<struct<a:list<decimal(4,4)!>>!>',
  ]) {
    const parsed = parseRowType(text);
    assert.ok('type' in parsed, problemOf(text));
    assert.equal(formatRowType(parsed.type), text);
  }
});

test('spaces between words are no part of a type', () => {
  const parsed = parseRowType(' struct < a : decimal( 4 , 2 ) ! > ');

  assert.ok('type' in parsed);
  assert.equal(formatRowType(parsed.type), 'struct<a:decimal(4,2)!>');
});

test('a problem says where it is and what was meant', () => {
  assert.equal(problemOf('int46'), 'unknown type int46; did you mean int64?, at position 1 (int46) of int46');
  assert.equal(problemOf('long'), 'unknown type long; did you mean int64?, at position 1 (long) of long');
  assert.match(problemOf('list<>'), /^expected a type: boolean, .*, at position 6 \(>\) of list<>$/);
  assert.match(problemOf(''), /^expected a type: .*, at the end of an empty type$/);
  assert.equal(problemOf('list<string'), 'expected >, at the end of list<string');
  assert.equal(problemOf('string x'), 'expected the end of the type, at position 8 (x) of string x');
  assert.equal(problemOf('timestamp(ns)'), 'expected ms or us, at position 11 (ns)) of timestamp(ns)');
  assert.equal(
    problemOf('decimal(39,2)'),
    'expected a precision from 1 to 38, found 39, at position 9 (39,2)) of decimal(39,2)',
  );
  assert.equal(
    problemOf('decimal(4,5)'),
    'expected a scale from 0 to the precision 4, found 5, at position 9 (4,5)) of decimal(4,5)',
  );
  assert.equal(
    problemOf('struct<a:int32,a:int32>'),
    'a second field a, at position 16 (a:int32>) of struct<a:int32,a:int32>',
  );
  assert.match(problemOf('list<'.repeat(50)), /^more than 32 types inside each other/);
});
