import assert from 'node:assert/strict';
import { frameOf } from '../frames.ts';
import type { ConformanceCase } from './case.ts';
import { all, kinds, linesOf, records, type SinkHarness, valuesOf } from './sink-harness.ts';
import { SinkRun } from './sink-run.ts';

/** What a writer takes, cuts and gives back. */
export const writerCases: readonly ConformanceCase<SinkHarness>[] = [
  {
    name: 'nothing is visible before the commit, exactly what was written afterwards',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      const [first, second] = [records('t/0', 0, 30), records('t/1', 7, 20)];
      await run.write(first, second);
      const handles = await run.cut();
      assert.equal((await harness.visible()).size, 0);
      assert.ok(handles.length > 0);

      const verdicts = await run.commit(handles);

      assert.deepEqual(kinds(verdicts), all('committed', handles));
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(first, second));
      assert.equal(await harness.stagedCount(), 0);
    },
  },
  {
    name: 'within a file the records of a split keep their order',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      for (let offset = 0; offset < 400; offset += 40) await run.write(records('t/0', offset, 40));
      await run.commit(await run.cut());

      for (const lines of (await harness.visible()).values()) {
        const offsets = lines.map((line) => (JSON.parse(line) as { o: number }).o);
        assert.deepEqual(
          offsets,
          offsets.toSorted((a, b) => a - b),
        );
      }
    },
  },
  {
    name: 'a handle says which offsets, how many records and how many bytes it makes visible',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      const frame = frameOf([{ ...records('t/0', 5, 10), gap: 3 }, records('t/1', 0, 4)]);
      run.writer.write(frame, 0);
      frame.release();

      const { handles } = await run.writer.cut({ number: 1, last: true });

      assert.equal(
        handles.reduce((sum, handle) => sum + handle.records, 0),
        14,
      );
      const covers = Object.assign({}, ...handles.map((handle) => handle.covers));
      assert.deepEqual(covers, { 't/0': [5, 18], 't/1': [0, 4] });
      assert.ok(handles.every((handle) => handle.bytes > 0));
    },
  },
  {
    name: 'no handle and no file mixes groups',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      await run.write(records('a/0', 0, 5), records('b/0', 0, 5), records('a/1', 0, 5), records('b/1', 0, 5));
      const handles = await run.cut();
      await run.commit(handles);

      for (const { covers } of handles) {
        assert.equal(new Set(Object.keys(covers).map((split) => split.split('/')[0])).size, 1);
      }
      for (const lines of (await harness.visible()).values()) {
        assert.equal(new Set(lines.map((line) => (JSON.parse(line) as { s: string }).s.split('/')[0])).size, 1);
      }
    },
  },
  {
    name: 'a cut is exact: what is written in the same turn belongs to the next one',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      const [before, after] = [records('t/0', 0, 5), records('t/0', 5, 5)];
      const frames = [frameOf([before]), frameOf([after])] as const;

      run.writer.write(frames[0], 0);
      const first = run.cut();
      run.writer.write(frames[1], 0);
      const second = run.cut();
      for (const frame of frames) frame.release();
      await run.commit(await first);

      assert.deepEqual(linesOf(await harness.visible()), valuesOf(before));
      await run.commit(await second);
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(before, after));
    },
  },
  {
    name: 'a cut in the middle of a frame takes what was taken of it',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      // More than any writer takes in one turn.
      const value = `"${'x'.repeat(64 * 1024)}"`;
      const frame = frameOf([{ split: 't/0', offset: 0, values: Array(1024).fill(value) }]);

      const taken = run.writer.write(frame, 0);
      assert.ok(taken > 0 && taken < frame.count, 'a writer says when it is full');
      const handles = await run.cut();
      await run.commit(handles);

      assert.equal(linesOf(await harness.visible()).length, taken);
      assert.equal(Math.max(...handles.map(({ covers }) => covers['t/0']?.[1] ?? 0)), taken);
      frame.release();
    },
  },
  {
    name: 'a full writer takes nothing until it is ready, and then goes on to the last record',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      const value = `"${'x'.repeat(64 * 1024)}"`;
      const frame = frameOf([{ split: 't/0', offset: 0, values: Array(1024).fill(value) }]);
      let taken = run.writer.write(frame, 0);
      assert.equal(run.writer.write(frame, taken), taken);

      let waits = 0;
      while (taken < frame.count) {
        await run.writer.ready({ signal: new AbortController().signal });
        waits++;
        const next = run.writer.write(frame, taken);
        assert.ok(next > taken, 'ready means that one record more is taken');
        taken = next;
      }
      frame.release();
      await run.commit(await run.cut());

      assert.ok(waits > 0);
      assert.equal(linesOf(await harness.visible()).length, 1024);
    },
  },
  {
    name: 'waiting for a full writer ends with the signal',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      const frame = frameOf([{ split: 't/0', values: Array(1024).fill(`"${'x'.repeat(64 * 1024)}"`) }]);
      run.writer.write(frame, 0);
      const controller = new AbortController();

      const ready = run.writer.ready({ signal: controller.signal });
      controller.abort(new Error('stopped'));

      await assert.rejects(ready);
      frame.release();
    },
  },
  {
    name: 'frames are given back once their bytes are staged, and when the writer is closed',
    run: async (harness) => {
      const run = await SinkRun.start(harness.sink);
      const staged = await run.write(records('t/0', 0, 5), records('u/0', 0, 5));
      await run.cut();
      const open = await run.write(records('t/0', 5, 5), records('v/0', 0, 5));

      await run[Symbol.asyncDispose]();

      assert.ok(staged.isRecycled);
      assert.ok(open.isRecycled);
    },
  },
  {
    name: 'a cut without records has no handles',
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      assert.deepEqual(await run.cut(), []);
      await run.write({ split: 't/0', values: [], gap: 4 });
      assert.deepEqual(await run.cut(), []);
      assert.equal((await harness.visible()).size, 0);
    },
  },
  {
    name: 'a closed writer takes nothing more',
    run: async (harness) => {
      const run = await SinkRun.start(harness.sink);
      await run[Symbol.asyncDispose]();
      const frame = frameOf([records('t/0', 0, 1)]);

      assert.throws(() => run.writer.write(frame, 0));
      await assert.rejects(run.writer.cut({ number: 1, last: false }));
    },
  },
  {
    name: 'a record that cannot be written stops the writer for good, without losing what was staged before',
    run: async (harness) => {
      const spec = records('t/0', 0, 5);
      await using run = await SinkRun.start(harness.sink);
      await run.write(spec);
      const handles = await run.cut();
      const frame = frameOf([{ split: 't/0', offset: 5, values: ['1', null] }]);
      const failure = { kind: 'rejected', details: { split: 't/0', offset: 6 } };

      assert.throws(() => run.writer.write(frame, 0), failure);

      assert.throws(() => run.writer.write(frameOf([records('t/0', 7, 1)]), 0), failure);
      await assert.rejects(run.writer.ready({ signal: new AbortController().signal }), failure);
      await assert.rejects(run.cut(), failure);
      assert.deepEqual(kinds(await run.commit(handles)), all('committed', handles));
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(spec));
    },
  },
  {
    name: 'a full place is unavailable, stops the writer and loses nothing that was staged before',
    unsupported: ({ fillUp }) => (fillUp === undefined ? 'this harness cannot fill the place up' : undefined),
    run: async (harness) => {
      const spec = records('t/0', 0, 5);
      await using run = await SinkRun.start(harness.sink);
      await run.write(spec);
      const handles = await run.cut();
      await harness.fillUp?.();
      const full = { kind: 'unavailable' };

      // The failure may show at any call that comes after it.
      await assert.rejects(async () => {
        await run.write(records('t/0', 5, 50));
        await run.cut();
      }, full);

      await assert.rejects(run.cut(), full);
      assert.throws(() => run.writer.write(frameOf([records('t/0', 5, 1)]), 0), full);
      assert.deepEqual(kinds(await run.commit(handles)), all('committed', handles));
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(spec));
    },
  },
];
