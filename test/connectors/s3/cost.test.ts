import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { costTable, dailyCost } from '../../../connectors/s3/cost.ts';

const README = join(import.meta.dirname, '../../../connectors/s3/README.md');

test('the price is that of the requests: two PUTs and two LISTs for the log, three writes and a HEAD per file', () => {
  const { requests, usd } = dailyCost({ directories: 1, intervalMs: 86_400_000 });

  assert.equal(requests, 2 + 2 + 3 + 1);
  assert.equal(usd.toFixed(9), ((7 * 5 + 0.4) / 1e6).toFixed(9));
});

test('the table of the README is what the formula says', () => {
  const text = readFileSync(README, 'utf8');
  const { head, rows } = costTable(10_000);
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);

  assert.ok(text.includes(lines.join('\n')), `the README should have\n${lines.join('\n')}`);
});

test('an interval of its own stands among the usual ones, in order', () => {
  const intervals = (intervalMs: number) =>
    costTable(intervalMs)
      .rows.slice(0, 4)
      .map(([, interval]) => interval);

  assert.deepEqual(intervals(2_500), ['1 s', '2.5 s', '10 s', '60 s']);
  assert.deepEqual(intervals(10_000).slice(0, 3), ['1 s', '10 s', '60 s']);
});
