import assert from 'node:assert/strict';
import type { Frame, SplitId } from '../../core/contract/batch.ts';
import type { Env } from '../../core/contract/env.ts';
import type { Source, SourceSession, Split, SplitReader } from '../../core/contract/source.ts';
import { SharedMemoryBudget } from '../../core/runtime/memory-budget.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';

export type Positions<P> = Map<SplitId, P>;
const POLLS_MAX = 10_000;

/** One run of a source, with the memory it holds in view. */
export class SourceRun<P> implements AsyncDisposable {
  readonly session: SourceSession<P>;
  readonly reader: SplitReader<P>;
  readonly splits: readonly Split[];
  readonly #memory: { bytes: number };

  private constructor(
    session: SourceSession<P>,
    reader: SplitReader<P>,
    splits: readonly Split[],
    memory: { bytes: number },
  ) {
    this.session = session;
    this.reader = reader;
    this.splits = splits;
    this.#memory = memory;
  }

  static async start<P>(source: Source<P>): Promise<SourceRun<P>> {
    const held = { bytes: 0 };
    const env: Env = {
      ...systemEnv(),
      metrics: {
        add: () => {},
        set: (gauge, value) => {
          if (gauge === 'memoryBytes') held.bytes = value;
        },
      },
    };
    const memory = new SharedMemoryBudget(64 * 1024 * 1024, env);
    const session = await source.open({ env, pipeline: 'conformance', memory, signal: new AbortController().signal });
    const { splits } = await session.discover();
    return new SourceRun(session, session.openReader(), splits, held);
  }

  memoryBytes(): number {
    return this.#memory.bytes;
  }

  async startPositions(): Promise<Positions<P>> {
    const positions = await this.session.startPositions(this.splits, 'first');
    return new Map(this.splits.map((split, index) => [split.id, positions[index] as P]));
  }

  assign(positions: Positions<P>): void {
    const known = this.splits.filter(({ id }) => positions.has(id));
    this.reader.assign(known.map((split) => ({ ...split, position: positions.get(split.id) as P })));
  }

  /** Frames until the end; the caller releases them. */
  async *frames(): AsyncGenerator<Frame> {
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      const polled = await this.reader.poll({ signal: new AbortController().signal });
      if (polled === 'end') return;
      if (polled !== 'idle') yield polled;
    }
    assert.fail(`a bounded source ends within ${POLLS_MAX} polls`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
    await this.session[Symbol.asyncDispose]();
  }
}
