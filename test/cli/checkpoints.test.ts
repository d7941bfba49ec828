import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolutionText } from '../../cli/checkpoints.ts';
import type { Resolution } from '../../core/checkpoint/resolve.ts';

test('a resolution names what was committed, and the offsets that were given up or will be read again', () => {
  const resolution = {
    committed: 2,
    lost: [{ id: 'main-7', covers: { 'clicks/0': [10, 20], 'clicks/3': [5, 6] } }],
    stored: { slot: { seq: 12 } },
  } as unknown as Resolution;

  assert.equal(
    resolutionText(resolution, 'acceptLost'),
    'slot 12: 2 committed, 1 lost\n  given up: clicks/0 10..19, clicks/3 5..5 (main-7)',
  );
  assert.match(resolutionText(resolution, 'replay'), /\n {2}will be read again: clicks\/0 10\.\.19/);
});
