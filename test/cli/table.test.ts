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

test('a table without rows is its head', () => {
  assert.equal(table(['slot', 'kind'], []), 'slot  kind');
});
