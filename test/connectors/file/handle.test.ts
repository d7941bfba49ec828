import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openFileStates } from '../../../connectors/file/handle.ts';
import { decodeSlot } from '../../../core/checkpoint/slot.ts';
import { throwsWith } from '../../core/support/expect.ts';

const GOLDEN = join(import.meta.dirname, '../../core/checkpoint/golden/slot-open-files-v2.json');

test('the open files of a slot of version 1 are read for ever, and written again they are the same bytes', () => {
  const { state } = decodeSlot(readFileSync(GOLDEN), GOLDEN).sinks.main;

  const open = state.map(({ version, value }) => openFileStates.decode(version, value));

  const again = open.map((part) => ({ version: openFileStates.version, value: openFileStates.encode(part) }));
  assert.equal(JSON.stringify(again), JSON.stringify(state));
  assert.equal(open.length, 2);
  assert.match(open[0]?.place.staged ?? '', /^\/data\/clicks\/\.staging\/clicks-.*-00000004\.ndjson\.zst$/);
  assert.match(open[0]?.place.final ?? '', /^\/data\/clicks\/clicks\/p=0\/clicks-.*-00000004\.ndjson\.zst$/);
  assert.deepEqual(
    [open[0]?.place.bytes, open[0]?.records, open[0]?.covers],
    [81_234, 796, { 'clicks/0': [1204, 2000] }],
  );
  const covers = { 'clicks/1': [9_007_199_254_740_981, 9_007_199_254_740_991], 'clicks/2': [0, 17] };
  assert.deepEqual(open[1]?.covers, covers);
});

test('property: an open file is read back from a slot as it was', () => {
  const plain = { noNullPrototype: true };
  const split = fc.stringMatching(/^[a-zA-Z0-9._-]{1,9}\/\d{1,3}$/);
  const state = fc.record(
    {
      place: fc.record({ staged: fc.string(), final: fc.string(), bytes: fc.nat() }, plain),
      covers: fc.dictionary(split, fc.tuple(fc.nat(), fc.nat()), plain),
      records: fc.integer({ min: 1 }),
    },
    plain,
  );
  fc.assert(
    fc.property(state, (open) => {
      const stored = JSON.parse(JSON.stringify(openFileStates.encode(open)));
      assert.deepEqual(openFileStates.decode(openFileStates.version, stored), open);
    }),
  );
});

test('an open file of a newer version is refused with what to do, whatever shape it has', () => {
  const known = openFileStates.encode({ place: { staged: '/s', final: '/f', bytes: 3 }, covers: {}, records: 1 });

  for (const value of [known, { segments: [] }]) {
    const error = throwsWith(() => openFileStates.decode(2, value), 'config', 'OPEN_PART_VERSION');
    assert.match(error.help ?? '', /version of Sluice that wrote it/);
  }
});

test('an open file that lacks something or has too much is not half read', () => {
  const place = { staged: '/s', final: '/f', bytes: 3 };
  const whole = { place, covers: { 'clicks/0': [0, 3] }, records: 3 };
  for (const wrong of [
    { ...whole, records: 0 },
    { ...whole, records: undefined },
    { ...whole, covers: { 'clicks/0': [0] } },
    { ...whole, place: { ...place, bytes: -1 } },
    { ...whole, place: { staged: '/s', bytes: 3 } },
    { ...whole, more: 1 },
  ]) {
    const value = JSON.parse(JSON.stringify(wrong));
    assert.throws(() => openFileStates.decode(1, value), { name: 'ZodError' }, JSON.stringify(wrong));
  }
});
