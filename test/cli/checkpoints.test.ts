import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolutionText } from '../../cli/checkpoints.ts';
import type { Resolution } from '../../core/checkpoint/resolve.ts';

/** Slot 12, with so many open files. */
const slotWith = (open: number) => ({ slot: { seq: 12, sinks: { main: { state: Array(open).fill({}) } } } });

test('a resolution names what was committed, and the offsets that were given up or will be read again', () => {
  const resolution = {
    committed: 2,
    lost: [{ id: 'main-7', covers: { 'clicks/0': [10, 20], 'clicks/3': [5, 6] } }],
    lostOpen: [],
    stored: slotWith(0),
  } as unknown as Resolution;

  assert.equal(
    resolutionText(resolution, 'acceptLost'),
    'slot 12: 2 committed, 1 lost\n  given up: clicks/0 offsets 10 to 19, clicks/3 offsets 5 to 5 (main-7)',
  );
  assert.match(resolutionText(resolution, 'replay'), /\n {2}will be read again: clicks\/0 offsets 10 to 19/);
});

test('a resolution names the open files that were given up, and how many are left to the next start', () => {
  const gone = { kind: 'lost', place: 'out/.staging/a', why: 'it is gone', covers: { 'clicks/0': [10, 20] } } as const;
  const text = (lostOpen: unknown[], open: number) =>
    resolutionText(
      { ...{ committed: 0, lost: [], lostOpen }, stored: slotWith(open) } as unknown as Resolution,
      'acceptLost',
    );

  assert.equal(
    text([gone, { ...gone, place: 'out/.staging/b', why: 'it has 3 bytes instead of 4' }], 1),
    `slot 12: 0 committed, 2 lost
  given up: clicks/0 offsets 10 to 19 (open: out/.staging/a: it is gone)
  given up: clicks/0 offsets 10 to 19 (open: out/.staging/b: it has 3 bytes instead of 4)
  still open: 1 file, which the next start finishes`,
  );
  assert.match(text([], 2), /^slot 12: 0 committed, 0 lost\n {2}still open: 2 files, which the next start finishes$/);
});
