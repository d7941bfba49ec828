import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeDirectoryName } from '../../../connectors/filesink/directory-name.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary-ascii', maxLength: 400 }),
  fc.constantFrom('.', '..', '/', '../..', '%', '%2E', '_', '__consumer_offsets', 'a/b', 'a%2Fb', 'x'.repeat(300)),
  fc.stringMatching(/^[._%A-Z0-9/-]{0,6}$/),
);

test('ordinary topic names stay as they are', () => {
  for (const name of ['clicks', 'Clicks-2.eu_west', 'a', '-x', 'dt=2026-11-25']) {
    assert.equal(encodeDirectoryName(name), name);
  }
});

test('what would hide a directory or leave its parent is encoded', () => {
  assert.equal(encodeDirectoryName('.'), '%2E');
  assert.equal(encodeDirectoryName('..'), '%2E.');
  assert.equal(encodeDirectoryName('__consumer_offsets'), '%5F_consumer_offsets');
  assert.equal(encodeDirectoryName('a/../b'), 'a%2F..%2Fb');
  assert.equal(encodeDirectoryName('12:00'), '12%3A00');
  assert.equal(encodeDirectoryName('é'), '%C3%A9');
  assert.equal(encodeDirectoryName(''), '%');
});

test('no text leaves the root, is hidden or is too long for a name', () => {
  fc.assert(
    fc.property(text, (name) => {
      const encoded = encodeDirectoryName(name);
      assert.match(encoded, /^[A-Za-z0-9=%-][A-Za-z0-9._=%-]*$/);
      assert.ok(encoded.length <= 255);
      assert.equal(posix.join('/out', encoded), `/out/${encoded}`);
    }),
    { numRuns: 500 },
  );
});

test('no two texts share a directory', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      // Half a surrogate pair is no text: UTF-8 has only one replacement for all of them.
      fc.pre(a.isWellFormed() && b.isWellFormed());
      assert.equal(encodeDirectoryName(a) === encodeDirectoryName(b), a === b);
    }),
    { numRuns: 500 },
  );
});

test('long texts that begin alike keep apart, and the cut does not split an encoded byte', () => {
  const [a, b] = [encodeDirectoryName(`${'é'.repeat(200)}a`), encodeDirectoryName(`${'é'.repeat(200)}b`)];

  assert.notEqual(a, b);
  assert.match(a, /^(%[0-9A-F]{2})+%-[0-9a-f]{32}$/);
});
