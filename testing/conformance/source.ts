import assert from 'node:assert/strict';
import { LinePacker } from '../../core/batch/lines.ts';
import type { Frame, SplitId, SplitPosition } from '../../core/contract/batch.ts';
import type { Source } from '../../core/contract/source.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';
import { recordsOf } from '../records.ts';
import type { ConformanceCase } from './case.ts';
import { type Positions, SourceRun } from './source-run.ts';

/** A bounded source and what it holds. */
export interface SourceHarness<P = unknown> {
  /** Ends by itself behind `values`. */
  readonly source: Source<P>;
  /** The values of every split, in order; without newlines, and at least 10 records in one of them. */
  readonly values: ReadonlyMap<SplitId, readonly string[]>;
  /** The same records without an end; a poll behind them waits. */
  readonly unbounded?: Source<P>;
}

const LIMITLESS = { bytesMax: Number.MAX_SAFE_INTEGER, recordsMax: Number.MAX_SAFE_INTEGER };
const ABORT_WITHIN_MS = 5_000;

/** The values of a frame per split, in columns. */
function collect(frame: Frame, into: Map<SplitId, string[]>, take = frame.count): void {
  let left = take;
  for (const batch of frame.batches) {
    const values = into.get(batch.split) ?? [];
    into.set(batch.split, values);
    let seen = 0;
    for (const { value } of recordsOf(batch)) {
      if (left === 0) return;
      values.push(String(value));
      left--;
      seen++;
    }
    assert.equal(seen, batch.count, `${batch.split}: a batch has as many records as it counts`);
  }
}

function merge<P>(positions: Positions<P>, moved: readonly SplitPosition[]): Positions<P> {
  return new Map([...positions, ...moved.map(({ split, position }) => [split, position as P] as const)]);
}

async function readAll<P>(run: SourceRun<P>, positions: Positions<P>): Promise<Map<SplitId, string[]>> {
  const values = new Map<SplitId, string[]>();
  run.assign(positions);
  for await (const frame of run.frames()) {
    collect(frame, values);
    frame.release();
  }
  return values;
}

/** A position as it comes back from a slot. */
function throughSlot<P>({ positions }: Source<P>, position: P): P {
  return positions.decode(positions.version, JSON.parse(JSON.stringify(positions.encode(position))));
}

const withValues = (values: ReadonlyMap<SplitId, readonly string[]>) =>
  new Map([...values].filter(([, list]) => list.length > 0).toSorted());

export const sourceConformance: readonly ConformanceCase<SourceHarness>[] = [
  {
    name: 'every record of every split is delivered once and in order, then the end, again and again',
    run: async ({ source, values }) => {
      await using run = await SourceRun.start(source);

      const read = await readAll(run, await run.startPositions());

      assert.deepEqual(withValues(read), withValues(values));
      const { signal } = new AbortController();
      assert.equal(await run.reader.poll({ signal }), 'end');
    },
  },
  {
    name: 'discovery names the same splits every time, each with its group and index',
    run: async ({ source, values }) => {
      await using first = await SourceRun.start(source);
      await using second = await SourceRun.start(source);

      assert.deepEqual(first.splits, second.splits);
      const ids = first.splits.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (const split of values.keys()) assert.ok(ids.includes(split), `${split} is discovered`);
      const places = first.splits.map(({ group, index }) => `${group} ${index}`);
      assert.equal(new Set(places).size, ids.length, 'group and index tell splits apart');
    },
  },
  {
    name: 'from the position after any number of records of a frame exactly the rest is delivered',
    run: async ({ source, values }) => {
      await using first = await SourceRun.start(source);
      const start = await first.startPositions();
      first.assign(start);
      let positions = start;
      const before = new Map<SplitId, string[]>();
      let frames = 0;
      for await (const frame of first.frames()) {
        const cuts = [0, 1, Math.floor(frame.count / 2), frame.count - 1, frame.count];
        for (const taken of frames++ === 0 ? new Set(cuts) : []) {
          const soFar = structuredClone(before);
          collect(frame, soFar, taken);
          const saved = merge(positions, frame.positionsAfter(taken));
          await using second = await SourceRun.start(source);
          const restored = new Map([...saved].map(([split, position]) => [split, throughSlot(source, position)]));
          for (const [split, rest] of await readAll(second, restored)) {
            soFar.set(split, [...(soFar.get(split) ?? []), ...rest]);
          }
          assert.deepEqual(withValues(soFar), withValues(values), `restarted after ${taken} of ${frame.count} records`);
        }
        collect(frame, before);
        positions = merge(positions, frame.positionsAfter(frame.count));
        frame.release();
      }
      await using last = await SourceRun.start(source);
      assert.deepEqual(
        withValues(await readAll(last, positions)),
        new Map(),
        'nothing is left behind the last position',
      );
    },
  },
  {
    name: 'positions only move forward, compare as they move, and come back from a slot the same',
    run: async ({ source }) => {
      await using run = await SourceRun.start(source);
      let positions = await run.startPositions();
      run.assign(positions);
      for await (const frame of run.frames()) {
        for (let taken = 0; taken <= frame.count; taken++) {
          const next = merge(positions, frame.positionsAfter(taken));
          for (const [split, position] of next) {
            const previous = positions.get(split) ?? position;
            const copy = throughSlot(source, position);
            assert.ok(source.positions.compare(previous, position) <= 0, `${split} never moves back`);
            assert.equal(source.positions.compare(position, copy), 0);
            assert.equal(source.positions.offsetNext(position), source.positions.offsetNext(copy));
          }
          positions = next;
        }
        frame.release();
      }
    },
  },
  {
    name: 'offsets grow within a split, and a batch says where each of its records ends',
    run: async ({ source }) => {
      await using run = await SourceRun.start(source);
      run.assign(await run.startPositions());
      const next = new Map<SplitId, number>();
      for await (const frame of run.frames()) {
        for (const batch of frame.batches) {
          let index = 0;
          for (const { offset } of recordsOf(batch)) {
            if (index === 0) assert.equal(offset, batch.offsetFirst);
            assert.ok(offset >= (next.get(batch.split) ?? 0), `${batch.split}: offset ${offset} is new`);
            assert.ok(batch.offsetAfter(++index) > offset);
            next.set(batch.split, offset + 1);
          }
          assert.ok(batch.offsetAfter(batch.count) >= (next.get(batch.split) ?? 0));
        }
        frame.release();
      }
    },
  },
  {
    name: 'values packed into lines in place are the values',
    run: async ({ source, values }) => {
      await using run = await SourceRun.start(source);
      run.assign(await run.startPositions());
      const packer = new LinePacker({ delimiter: 10, newlines: 'pass', nulls: 'write' }, (batch) => batch.group);
      const lines: string[] = [];
      for await (const frame of run.frames()) {
        const ranges = [];
        for (let taken = 0; taken < frame.count; ) {
          const range = packer.pack(frame, taken, () => LIMITLESS);
          ranges.push(range.bytes);
          taken = range.taken;
        }
        for (const bytes of ranges) lines.push(...bytes.toString().split('\n').slice(0, -1));
        frame.release();
      }

      assert.deepEqual(lines.toSorted(), [...values.values()].flat().toSorted());
    },
  },
  {
    name: 'a frame that is held keeps its bytes while later ones are read',
    run: async ({ source, values }) => {
      await using run = await SourceRun.start(source);
      run.assign(await run.startPositions());
      const held: Frame[] = [];
      for await (const frame of run.frames()) {
        if (held.length < 3) held.push(frame);
        else frame.release();
      }

      const read = new Map<SplitId, string[]>();
      for (const frame of held) collect(frame, read);
      for (const [split, list] of read) assert.deepEqual(list, values.get(split)?.slice(0, list.length));
      for (const frame of held) frame.release();
    },
  },
  {
    name: 'all memory is given back once frames are released and the reader is closed',
    run: async ({ source }) => {
      const run = await SourceRun.start(source);
      run.assign(await run.startPositions());
      for await (const frame of run.frames()) frame.release();
      await run[Symbol.asyncDispose]();

      assert.equal(run.memoryBytes(), 0);
    },
  },
  {
    name: 'a reader closed in the middle gives its memory back, too',
    run: async ({ source }) => {
      const run = await SourceRun.start(source);
      run.assign(await run.startPositions());
      for await (const frame of run.frames()) {
        frame.release();
        break;
      }
      await run[Symbol.asyncDispose]();

      assert.equal(run.memoryBytes(), 0);
    },
  },
  {
    name: 'a revoked split is delivered no more, the others go on',
    run: async ({ source, values }) => {
      await using run = await SourceRun.start(source);
      const [revoked, ...others] = run.splits.map(({ id }) => id);
      run.assign(await run.startPositions());
      run.reader.revoke([revoked as SplitId]);

      const read = new Map<SplitId, string[]>();
      for await (const frame of run.frames()) {
        collect(frame, read);
        frame.release();
      }

      const expected = new Map([...values].filter(([split]) => others.includes(split)));
      assert.deepEqual(withValues(read), withValues(expected));
    },
  },
  {
    name: 'a poll is over soon after its signal aborts',
    unsupported: ({ unbounded }) => (unbounded === undefined ? 'this harness has no unbounded source' : undefined),
    run: async ({ unbounded }) => {
      await using run = await SourceRun.start(unbounded as Source);
      // Without splits there is nothing to deliver, so the poll can only wait.
      const controller = new AbortController();
      const polled = run.reader.poll({ signal: controller.signal }).catch(() => 'rejected');
      controller.abort(new Error('stopped'));

      const outcome = await Promise.race([
        polled,
        systemEnv()
          .timers.sleep(ABORT_WITHIN_MS)
          .then(() => 'stuck'),
      ]);
      assert.notEqual(outcome, 'stuck');
    },
  },
];
