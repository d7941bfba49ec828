import assert from 'node:assert/strict';
import type { BatchSpec } from '../frames.ts';
import type { ConformanceCase } from './case.ts';
import { all, kinds, linesOf, records, type SinkHarness, valuesOf } from './sink-harness.ts';
import { SinkRun } from './sink-run.ts';

/** So large that a sink which sends parts of several MiB has sent one, and has some left for the next. */
function largeRecords(split: string): BatchSpec {
  const pad = 'x'.repeat(60 * 1024);
  const values = Array.from({ length: 100 }, (_, offset) => `{"s":"${split}","o":${offset},"pad":"${pad}"}`);
  return { split, offset: 0, values };
}

const unsupported = ({ staysOpen }: SinkHarness) =>
  staysOpen === undefined ? 'parts of this sink all end at the barrier' : undefined;

const sinkOf = ({ staysOpen }: SinkHarness) => staysOpen ?? assert.fail('a sink with parts that stay open');

/** Parts that stay open across cuts. */
export const openPartCases: readonly ConformanceCase<SinkHarness>[] = [
  {
    name: 'a part stays open across cuts, is not visible meanwhile, and ends with the last one',
    unsupported,
    run: async (harness) => {
      await using run = await SinkRun.start(sinkOf(harness));
      const specs = [records('t/0', 0, 3), records('t/0', 3, 2)] as const;
      await run.write(specs[0]);
      const first = await run.barrier();
      await run.write(specs[1]);
      const second = await run.barrier();
      assert.deepEqual([first.handles, second.handles], [[], []]);
      assert.deepEqual([first.open.length, second.open.length], [1, 1]);
      assert.equal((await harness.visible()).size, 0);

      const { handles, open } = await run.barrier({ last: true });

      assert.deepEqual([handles.length, open.length], [1, 0]);
      assert.deepEqual(kinds(await run.commit(handles)), ['committed']);
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(...specs));
    },
  },
  ...[records('t/0', 0, 3), largeRecords('t/0')].map(
    (recorded): ConformanceCase<SinkHarness> => ({
      name: `another incarnation finishes what a cut recorded, whatever the first one still writes (${recorded.values.length} records)`,
      unsupported,
      run: async (harness) => {
        const sink = sinkOf(harness);
        await using zombie = await SinkRun.start(sink, { epoch: 1 });
        await zombie.write(recorded);
        const { open } = await zombie.barrier();
        await zombie.write(records('t/0', recorded.values.length, 4));
        await using run = await SinkRun.start(sink, { epoch: 2 });

        const handles = await run.finishOpen(open);
        await zombie.write(records('t/0', recorded.values.length + 4, 4));
        await zombie.barrier();
        assert.equal((await harness.visible()).size, 0, 'finished is not committed');
        assert.deepEqual(kinds(await run.commit(handles)), all('committed', handles));

        assert.deepEqual(linesOf(await harness.visible()), valuesOf(recorded));
        await using later = await SinkRun.start(sink, { epoch: 3 });
        assert.deepEqual(kinds(await later.commit(handles)), all('alreadyCommitted', handles));
      },
    }),
  ),
  {
    name: 'what an incarnation finished before it died is an orphan; what a slot names as open is not, until nobody names it',
    unsupported: (harness) =>
      harness.hidesStaged === true ? 'the place does not tell what is staged' : unsupported(harness),
    run: async (harness) => {
      const sink = sinkOf(harness);
      const recorded = records('t/0', 0, 3);
      const dead = await SinkRun.start(sink, { epoch: 1 });
      await dead.write(recorded);
      const { open } = await dead.barrier();
      await dead[Symbol.asyncDispose]();
      const alsoDead = await SinkRun.start(sink, { epoch: 2 });
      await alsoDead.finishOpen(open);
      await alsoDead[Symbol.asyncDispose]();
      await using run = await SinkRun.start(sink, { epoch: 3 });

      assert.equal((await run.abortOrphans([], open)).aborted.length, 1, 'the one that was finished in vain');
      const handles = await run.finishOpen(open);
      assert.deepEqual(kinds(await run.commit(handles)), ['committed']);
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(recorded));
      await run.abortOrphans();
      assert.equal(await harness.stagedCount(), 0);
    },
  },
  {
    name: 'what a cut recorded of an open part survives a power loss',
    unsupported: (harness) =>
      harness.powerLoss === undefined ? 'this harness cannot cut the power' : unsupported(harness),
    run: async (harness) => {
      const recorded = records('t/0', 0, 3);
      const dead = await SinkRun.start(sinkOf(harness), { epoch: 1 });
      await dead.write(recorded);
      const { open } = await dead.barrier();
      await dead.write(records('t/0', 3, 3));
      await harness.powerLoss?.();
      await dead[Symbol.asyncDispose]();
      await using run = await SinkRun.start(sinkOf(harness), { epoch: 2 });

      const handles = await run.finishOpen(open);

      assert.deepEqual(kinds(await run.commit(handles)), ['committed']);
      assert.deepEqual(linesOf(await harness.visible()), valuesOf(recorded));
    },
  },
];
