import assert from 'node:assert/strict';
import type { PendingHandle, Sink, Verdict } from '../../core/contract/sink.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';
import { type BatchSpec, frameOf } from '../frames.ts';
import type { ConformanceCase } from './case.ts';
import { OWNER, SinkRun } from './sink-run.ts';

/** A fresh place for output. The sink writes JSON values as they are and stops at nulls. */
export interface SinkHarness<H = unknown> {
  readonly sink: Sink<H>;
  /** What a plain reader sees: the lines of every visible file, by a name that says which. */
  visible(): Promise<Map<string, string[]>>;
  /** How many things are staged and not visible. */
  stagedCount(): Promise<number>;
  /** A reader moves a visible file away. */
  takeAway?(name: string): Promise<void>;
  /** The same place, told to believe that readers take files away. */
  readonly assumeTaken?: Sink<H>;
  /** Cuts the power, with nothing surviving that the sink had not made durable, and starts again. */
  powerLoss?(): Promise<void>;
  /** From now on the place takes no more bytes. */
  fillUp?(): Promise<void>;
}

const kinds = (verdicts: readonly Verdict[]) => verdicts.map(({ kind }) => kind);
const all = (kind: Verdict['kind'], handles: readonly unknown[]) => handles.map(() => kind);
const linesOf = (visible: Map<string, string[]>) => [...visible.values()].flat().toSorted();

function records(split: string, offset: number, count: number): BatchSpec {
  const values = Array.from({ length: count }, (_, i) => `{"s":"${split}","o":${offset + i}}`);
  return { split, offset, values };
}

const valuesOf = (...specs: BatchSpec[]) => specs.flatMap(({ values }) => values.map(String)).toSorted();

/** Stages `specs` in an incarnation that is over when this returns. */
async function stage<H>(sink: Sink<H>, epoch: number, ...specs: BatchSpec[]): Promise<PendingHandle<H>[]> {
  await using run = await SinkRun.start(sink, { epoch });
  await run.write(...specs);
  return await run.cut();
}

export const sinkConformance: readonly ConformanceCase<SinkHarness>[] = [
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
    name: 'committing again changes nothing and says so, from this incarnation and from a later one',
    run: async (harness) => {
      const handles = await stage(harness.sink, 1, records('t/0', 0, 10));
      await using first = await SinkRun.start(harness.sink, { epoch: 2 });
      await first.commit(handles);
      const before = await harness.visible();
      await using later = await SinkRun.start(harness.sink, { epoch: 3 });

      assert.deepEqual(kinds(await first.commit(handles)), all('alreadyCommitted', handles));
      assert.deepEqual(kinds(await later.commit(handles)), all('alreadyCommitted', handles));

      assert.deepEqual(await harness.visible(), before);
    },
  },
  {
    name: 'a handle is committed by any incarnation, long after the one that staged it is gone',
    run: async (harness) => {
      const spec = records('t/0', 0, 10);
      const handles = await stage(harness.sink, 1, spec);
      await using later = await SinkRun.start(harness.sink, { epoch: 9 });

      assert.deepEqual(kinds(await later.commit(handles)), all('committed', handles));

      assert.deepEqual(linesOf(await harness.visible()), valuesOf(spec));
    },
  },
  {
    name: 'two that commit the same handles at a time make each visible once, and neither calls one lost',
    run: async (harness) => {
      const specs = Array.from({ length: 12 }, (_, i) => records(`topic${i}/0`, 0, 3));
      const handles = await stage(harness.sink, 1, ...specs);
      await using one = await SinkRun.start(harness.sink, { epoch: 2 });
      await using other = await SinkRun.start(harness.sink, { epoch: 3 });

      const outcomes = await Promise.all([one.commit(handles), other.commit(handles)]);

      for (const [index] of handles.entries()) {
        const pair = outcomes.map((verdicts) => verdicts[index]?.kind);
        assert.ok(pair.every((kind) => kind === 'committed' || kind === 'alreadyCommitted'));
        assert.ok(pair.includes('committed'));
      }
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(...specs));
    },
  },
  {
    name: 'what is neither staged nor visible any more is lost, unless readers are assumed to have taken it',
    unsupported: ({ takeAway }) => (takeAway === undefined ? 'nobody can take output of this sink away' : undefined),
    run: async (harness) => {
      const handles = await stage(harness.sink, 1, records('t/0', 0, 10));
      await using run = await SinkRun.start(harness.sink, { epoch: 2 });
      await run.commit(handles);
      for (const name of (await harness.visible()).keys()) await harness.takeAway?.(name);

      assert.deepEqual(kinds(await run.commit(handles)), all('lost', handles));
      if (harness.assumeTaken !== undefined) {
        await using assuming = await SinkRun.start(harness.assumeTaken, { epoch: 3 });
        assert.deepEqual(kinds(await assuming.commit(handles)), all('alreadyCommitted', handles));
      }
      assert.equal((await harness.visible()).size, 0, 'a file that was taken does not come back');
    },
  },
  {
    name: 'orphans of older incarnations are aborted, handles to keep and the present incarnation’s work are not',
    run: async (harness) => {
      const [kept, orphan, own] = [records('t/0', 0, 5), records('t/0', 5, 5), records('t/0', 10, 5)];
      const keptHandles = await stage(harness.sink, 1, kept);
      const orphanHandles = await stage(harness.sink, 2, orphan);
      await using run = await SinkRun.start(harness.sink, { epoch: 3 });
      await run.write(own);
      const ownHandles = await run.cut();

      const report = await run.abortOrphans(keptHandles);

      assert.equal(report.aborted.length, orphanHandles.length);
      assert.deepEqual(kinds(await run.commit([...keptHandles, ...ownHandles])), ['committed', 'committed']);
      assert.deepEqual(kinds(await run.commit(orphanHandles)), all('lost', orphanHandles));
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(kept, own));
      assert.equal((await run.abortOrphans()).aborted.length, 0, 'a second round finds nothing');
    },
  },
  {
    name: 'a part that a dead incarnation left unfinished is an orphan, too',
    run: async (harness) => {
      const dead = await SinkRun.start(harness.sink, { epoch: 1 });
      await dead.write(records('t/0', 0, 5));
      await dead[Symbol.asyncDispose]();
      await using run = await SinkRun.start(harness.sink, { epoch: 2 });

      await run.abortOrphans();

      assert.equal(await harness.stagedCount(), 0);
      assert.equal((await harness.visible()).size, 0);
    },
  },
  {
    name: 'orphans of other owners are not touched: pipeline, lineage, layout and shard all count',
    run: async (harness) => {
      const owners = [
        { ...OWNER, pipeline: 'conformance-2' },
        { ...OWNER, lineage: 'fedcba9876543210' },
        { ...OWNER, layout: 2 },
        { ...OWNER, shard: 1 },
      ];
      const staged = [];
      for (const owner of owners) {
        await using other = await SinkRun.start(harness.sink, { epoch: 1, owner });
        await other.write(records('t/0', 0, 2));
        staged.push(...(await other.cut()));
      }
      await using run = await SinkRun.start(harness.sink, { epoch: 9 });

      assert.deepEqual((await run.abortOrphans()).aborted, []);

      assert.deepEqual(kinds(await run.commit(staged)), all('committed', staged));
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
    name: 'closing neither commits nor aborts',
    run: async (harness) => {
      const spec = records('t/0', 0, 5);
      const run = await SinkRun.start(harness.sink, { epoch: 1 });
      await run.write(spec);
      const handles = await run.cut();
      await run.write(records('t/0', 5, 5));
      await run[Symbol.asyncDispose]();

      assert.equal((await harness.visible()).size, 0);
      await using later = await SinkRun.start(harness.sink, { epoch: 2 });
      assert.deepEqual(kinds(await later.commit(handles)), all('committed', handles));
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(spec));
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
  {
    name: 'what a cut has returned survives a power loss, and what a commit has returned does, too',
    unsupported: ({ powerLoss }) => (powerLoss === undefined ? 'this harness cannot cut the power' : undefined),
    run: async (harness) => {
      const [first, second] = [records('t/0', 0, 5), records('u/0', 0, 5)];
      const handles = await stage(harness.sink, 1, first, second);
      await harness.powerLoss?.();
      {
        await using run = await SinkRun.start(harness.sink, { epoch: 2 });
        assert.deepEqual(kinds(await run.commit(handles)), all('committed', handles));
      }
      await harness.powerLoss?.();

      assert.deepEqual(linesOf(await harness.visible()), valuesOf(first, second));
      await using later = await SinkRun.start(harness.sink, { epoch: 3 });
      assert.deepEqual(kinds(await later.commit(handles)), all('alreadyCommitted', handles));
    },
  },
  {
    name: 'alreadyCommitted is only said of what a power loss leaves visible',
    unsupported: ({ powerLoss }) => (powerLoss === undefined ? 'this harness cannot cut the power' : undefined),
    run: async (harness) => {
      const spec = records('t/0', 0, 5);
      const handles = await stage(harness.sink, 1, spec);
      await using first = await SinkRun.start(harness.sink, { epoch: 2 });
      await using second = await SinkRun.start(harness.sink, { epoch: 3 });

      await Promise.race([first.commit(handles), second.commit(handles)]);
      await harness.powerLoss?.();

      assert.deepEqual(linesOf(await harness.visible()), valuesOf(spec));
    },
  },
  {
    name: 'the checkpoints kept under the sink’s root are not output',
    unsupported: ({ sink }) => (sink.rootStore(systemEnv()) === undefined ? 'this sink has no root' : undefined),
    run: async (harness) => {
      await using run = await SinkRun.start(harness.sink);
      await harness.sink.rootStore(systemEnv())?.createIfAbsent('conformance.json', Buffer.from('{}'));
      await run.write(records('t/0', 0, 1));
      await run.commit(await run.cut());

      assert.equal(linesOf(await harness.visible()).length, 1);
      assert.equal((await run.abortOrphans()).aborted.length, 0);
    },
  },
];
