import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configHash, redact, textRedactor } from '../../../core/config/redact.ts';

test('hidden values are replaced wherever they are, and nothing else', () => {
  const settings = { a: ['x', { b: 'y' }], c: null, d: 5 };

  const redacted = redact(settings, (path) => path.includes('b') || path.includes('c'));

  assert.deepEqual(redacted, { a: ['x', { b: '[hidden]' }], c: null, d: 5 });
});

test('the hash does not depend on the order of keys, and does on everything else', () => {
  assert.equal(configHash({ a: { x: 1, y: [1, 2] }, b: 2 }), configHash({ b: 2, a: { y: [1, 2], x: 1 } }));
  assert.notEqual(configHash({ a: [1, 2] }), configHash({ a: [2, 1] }));
});

test('a secret inside another one is hidden whole', () => {
  assert.equal(textRedactor(['abcd', 'abcdef'])('at abcdef, at abcd'), 'at [hidden], at [hidden]');
});

test('a value too short to be told from ordinary text is left alone', () => {
  assert.equal(textRedactor(['', 'a', 'abc'])('a cabc'), 'a cabc');
});
