import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SplitTable } from '../../../core/runtime/split-table.ts';
import { throwsWith } from '../support/expect.ts';
import { offsets, splitsAt } from '../support/slots.ts';

const active = (id: string, offset: number, identity: string | null = null) => ({
  id,
  group: id.slice(0, id.lastIndexOf('/')),
  index: 0,
  identity,
  position: { offset },
});

const tableOf = () =>
  new SplitTable(offsets, splitsAt({ 'clicks/0': 5, 'parked/0': 9 }), [active('clicks/0', 5, 'id-1')]);

const positions = (table: SplitTable<unknown>) =>
  Object.fromEntries(table.current().map(({ id, position }) => [id, (position as { offset: number }).offset]));

test('a snapshot holds every split, those read and those parked, in the order of their ids', () => {
  const table = tableOf();
  table.add(active('a/0', 0), { offset: 0 });

  assert.deepEqual(
    table.snapshot().map(({ id }) => id),
    ['a/0', 'clicks/0', 'parked/0'],
  );
});

test('a snapshot is what was taken so far, and later progress does not change it', () => {
  const table = tableOf();
  table.advance([{ split: 'clicks/0', position: { offset: 7 } }]);
  const snapshot = table.snapshot();

  table.advance([{ split: 'clicks/0', position: { offset: 8 } }]);

  assert.deepEqual(snapshot.find(({ id }) => id === 'clicks/0')?.position, { offset: 7 });
  assert.deepEqual(positions(table), { 'clicks/0': 8, 'parked/0': 9 });
});

test('it has changed when a position moved or a split came, and not when positions are said again', () => {
  const table = tableOf();
  assert.equal(table.changed, false);

  table.advance([{ split: 'clicks/0', position: { offset: 5 } }]);
  assert.equal(table.changed, false);
  table.advance([{ split: 'clicks/0', position: { offset: 6 } }]);
  assert.equal(table.changed, true);
  table.snapshot();
  assert.equal(table.changed, false);
  table.add(active('clicks/1', 0), { offset: 0 });
  assert.equal(table.changed, true);
});

test('looking at the positions is no snapshot: what has changed stays to be cut', () => {
  const table = tableOf();
  table.advance([{ split: 'clicks/0', position: { offset: 6 } }]);

  table.current();

  assert.equal(table.changed, true);
});

test('a parked split that comes back is not parked any more, goes on from there, and keeps its topic id', () => {
  const table = new SplitTable(
    offsets,
    splitsAt({ 'parked/0': 9 }).map((split) => ({ ...split, topicId: 'id-9' })),
    [],
  );

  assert.deepEqual(table.parkedPosition('parked/0', 1), { offset: 9 });
  assert.equal(table.has('parked/0'), false);
  table.add(active('parked/0', 9), { offset: 9 });

  assert.equal(table.parkedPosition('parked/0', 1), undefined);
  assert.equal(table.has('parked/0'), true);
  assert.equal(table.current()[0]?.topicId, 'id-9');
});

test('a frame with a split that is not read is a bug', () => {
  throwsWith(() => tableOf().advance([{ split: 'parked/0', position: { offset: 10 } }]), 'bug', 'ASSERTION');
});
