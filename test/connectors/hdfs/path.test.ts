import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { urlOf } from '../../../connectors/hdfs/webhdfs/path.ts';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/:]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed());
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => `/${names.join('/')}`);

test('every path arrives as it was written, in the path and as a parameter', () => {
  fc.assert(
    fc.property(path, path, (from, to) => {
      const text = urlOf('http://nn:9870', from, { op: 'RENAME', destination: to });
      const url = new URL(text);

      assert.equal(url.pathname.split('/').map(decodeURIComponent).join('/'), `/webhdfs/v1${from}`);
      assert.equal(url.searchParams.get('destination'), to);
      assert.ok(text.startsWith(`${url.origin}${url.pathname}?`), 'nothing is left for a parser to mend');
      assert.equal([...url.searchParams.keys()].length, 2);
    }),
  );
});

test('the names that trip others', () => {
  const of = (path: string) => urlOf('http://nn', path, { op: 'X', d: path }).slice('http://nn/webhdfs/v1'.length);

  assert.equal(of('/a b'), '/a%20b?op=X&d=%2Fa%20b');
  assert.equal(of('/a+b'), '/a%2Bb?op=X&d=%2Fa%2Bb');
  assert.equal(of('/100%25'), '/100%2525?op=X&d=%2F100%2525');
  assert.equal(of('/ü?#;&='), '/%C3%BC%3F%23%3B%26%3D?op=X&d=%2F%C3%BC%3F%23%3B%26%3D');
  assert.equal(of('/...'), '/...?op=X&d=%2F...');
  assert.equal(of('/'), '/?op=X&d=%2F');
});

test('what is no path is refused before anything is sent, saying why', () => {
  const refused: [string, RegExp][] = [
    ['', /begin with/],
    ['a/b', /begin with/],
    ['/a//b', /empty/],
    ['/a/', /empty/],
    ['//', /empty/],
    ['/a/../b', /"\.\."/],
    ['/./a', /"\."/],
    ['/logs/12:00', /":"/],
    ['/\ud800', /Unicode/],
  ];
  for (const [path, why] of refused)
    assert.throws(() => urlOf('http://nn', path, {}), { reason: 'badName', kind: 'config', message: why }, path);
});

test('a base below a path, and parameters that are not given', () => {
  const url = urlOf('https://knox:8443/gateway/default', '/a', {
    op: 'CREATE',
    overwrite: false,
    permission: undefined,
  });

  assert.equal(url, 'https://knox:8443/gateway/default/webhdfs/v1/a?op=CREATE&overwrite=false');
});
