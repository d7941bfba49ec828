import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../../cli/table.ts';

test('columns are as wide as their widest cell, numbers go right', () => {
  const text = table(
    ['slot', 'kind', 'by'],
    [
      [1, 'claim', 'a:1'],
      [12345, 'checkpoint', 'host:22'],
    ],
  );

  assert.deepEqual(text.split('\n'), [' slot  kind        by', '    1  claim       a:1', '12345  checkpoint  host:22']);
});

test('numbers in words of digits go right too, with all of their column', () => {
  assert.deepEqual(
    table(
      ['n', 'usd', 'id'],
      [
        ['1,200', '33.66', '12'],
        ['7', '0.05', 'b'],
      ],
    ).split('\n'),
    ['    n    usd  id', '1,200  33.66  12', '    7   0.05  b'],
  );
});

test('a table without rows is its head', () => {
  assert.equal(table(['slot', 'kind'], []), 'slot  kind');
});
