import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishOpenParts, openPartsLost, openPartsOf, openPartsState } from '../../../core/checkpoint/open-parts.ts';
import type { FinishedPart, SinkSession } from '../../../core/contract/sink.ts';
import { CoordinatorBench, retryLater } from '../support/coordinator-bench.ts';
import { throwsWith } from '../support/expect.ts';
import { records, slotOf } from '../support/slots.ts';

const crates = { type: 'crates', handles: records, states: records };
const stateOf = (...names: string[]) => names.map((name) => ({ version: 1, value: [name] }));
const slotWith = (...names: string[]) =>
  slotOf({ seq: 7, sinks: { main: { type: 'crates', identity: 'box:a', state: stateOf(...names), counter: 0 } } });

/** A session that gives these verdicts. */
const sessionWith = (verdicts: readonly FinishedPart<readonly string[]>[]) => {
  const asked: unknown[] = [];
  const finishOpen = async (states: readonly unknown[]) => {
    asked.push(...states);
    return [...verdicts];
  };
  return { asked, session: { finishOpen } as unknown as SinkSession<readonly string[], readonly string[]> };
};

test('a slot that settles a commit carries the open parts of the cut before, and the final slot too', async () => {
  const bench = new CoordinatorBench();
  let answer = retryLater;
  bench.answer = () => answer;
  await bench.virtual.run(bench.cutWith(10, { names: ['a'], open: ['b', 'c'] }));
  assert.deepEqual([bench.slot(2).pending.length, bench.coordinator.hasOpenParts], [1, true]);

  answer = { kind: 'committed' };
  await bench.virtual.run(bench.coordinator.finish());

  assert.deepEqual(
    [bench.slot(3), bench.slot(4)].map(({ kind, pending, sinks }) => [kind, pending, sinks.main.state]),
    [
      ['checkpoint', [], stateOf('b', 'c')],
      ['final', [], stateOf('b', 'c')],
    ],
  );
});

test('a cut says anew what is open', async () => {
  const bench = new CoordinatorBench();
  await bench.virtual.run(bench.cutWith(10, { names: [], open: ['b', 'c'] }));
  await bench.virtual.run(bench.cutWith(20, { names: ['b'], open: ['c'] }));
  assert.deepEqual(bench.slot(3).sinks.main.state, stateOf('c'));

  await bench.virtual.run(bench.cut(30, 'c'));

  assert.equal(bench.coordinator.hasOpenParts, false);
});

test('slots that name nothing but open parts are deleted like all others', async () => {
  const bench = new CoordinatorBench();
  for (let offset = 10; offset <= 300; offset += 10)
    await bench.virtual.run(bench.cutWith(offset, { names: [], open: ['a'] }));
  await bench.settle;

  assert.ok(bench.seqs.length <= 5, `${bench.seqs.length} slots are left: ${bench.seqs}`);
});

test('what is open is written and read by the codec of the sink; without one nothing may be open', () => {
  assert.deepEqual(openPartsState(crates, [['a'], ['b']]), stateOf('a', 'b'));
  assert.deepEqual(openPartsOf(crates, slotWith('a', 'b')), [['a'], ['b']]);
  assert.deepEqual([openPartsState({ states: undefined }), openPartsOf({ type: 'box' }, slotWith())], [[], []]);

  assert.throws(() => openPartsState({ states: undefined }, [['a']]), /says how slots keep them/);
  const error = throwsWith(() => openPartsOf({ type: 'box' }, slotWith('a')), 'config', 'OPEN_PARTS_UNKNOWN');
  assert.match(error.message, /slot 7 .* a box sink/);
});

test('a sink is asked for one verdict per open part, and not at all when none is open', async () => {
  const lost = { kind: 'lost', place: 'a', why: 'it is gone', covers: {} } as const;
  const { asked, session } = sessionWith([lost]);

  assert.deepEqual(await finishOpenParts(session, []), []);
  assert.deepEqual(asked, []);
  assert.deepEqual(await finishOpenParts(session, [['a']]), [lost]);
  assert.deepEqual(asked, [['a']]);
  await assert.rejects(finishOpenParts(session, [['a'], ['b']]), /one verdict per open part/);
});

test('a loss names one place and counts the others, and says the offsets of all', () => {
  const covers = { 'clicks/0': [10, 20], 'clicks/1': [0, 1] } as const;
  const first = { place: 'd/one', why: 'it is gone', covers };
  const one = openPartsLost([first]);
  assert.match(one.message, /: d\/one: it is gone$/);

  const three = openPartsLost([
    first,
    { ...first, place: 'd/two', covers: { 'views/0': [3, 5] } },
    { ...first, place: 'x' },
  ]);

  assert.match(three.message, /: d\/one and 2 more: it is gone$/);
  assert.match(three.help ?? '', /clicks\/0 offsets 10 to 19, clicks\/1 offsets 0 to 0, views\/0 offsets 3 to 4/);
  assert.deepEqual(three.details, { places: ['d/one', 'd/two', 'x'] });
});
