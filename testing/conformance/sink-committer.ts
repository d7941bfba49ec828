import assert from 'node:assert/strict';
import { systemEnv } from '../../core/runtime/system-env.ts';
import type { ConformanceCase } from './case.ts';
import { all, kinds, linesOf, records, type SinkHarness, stage, valuesOf } from './sink-harness.ts';
import { OWNER, SinkRun } from './sink-run.ts';

/** What becomes of staged things. */
export const committerCases: readonly ConformanceCase<SinkHarness>[] = [
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
    unsupported: ({ hidesStaged }) => (hidesStaged === true ? 'the place does not tell what is staged' : undefined),
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
    name: 'a dry run lists what a sweep then aborts, and aborts nothing',
    unsupported: ({ sink, hidesStaged }) =>
      sink.listOrphans === undefined || hidesStaged === true ? 'this sink does not list its orphans' : undefined,
    run: async (harness) => {
      const kept = await stage(harness.sink, 1, records('t/0', 0, 5));
      await stage(harness.sink, 2, records('t/0', 5, 5), records('u/0', 0, 5));
      await using run = await SinkRun.start(harness.sink, { epoch: 3 });
      await run.write(records('t/0', 10, 5));
      await run.cut();
      const before = await harness.stagedCount();

      const listing = await run.listOrphans(kept);

      assert.equal(await harness.stagedCount(), before);
      const report = await run.abortOrphans(kept);
      assert.deepEqual([listing.orphans.length, listing.kept], [report.aborted.length, report.kept]);
      assert.deepEqual(new Set(listing.orphans.map(({ epoch }) => epoch)), new Set([2]));
      assert.deepEqual((await run.listOrphans(kept)).orphans, []);
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
