import type { Frame } from '../../../core/contract/batch.ts';
import type { Env } from '../../../core/contract/env.ts';
import type { Source, SourceContext, SourceSession, Split, SplitReader } from '../../../core/contract/source.ts';
import { frameOf } from '../../../testing/frames.ts';
import { type Offset, offsets } from './slots.ts';

const IDLE_MS = 100;

export interface QueueOptions {
  readonly bounded?: boolean;
  readonly discoverIntervalMs?: number;
  /** Records of one frame at most. */
  readonly frameRecords?: number;
}

/** Topics in memory, and a source that reads them as a broker would give them: one frame per poll, over all its splits. */
export class Queue implements Source<Offset> {
  readonly type = 'queue';
  readonly positions = offsets;
  readonly bounded: boolean;
  readonly discoverIntervalMs: number | undefined;
  /** The values of every split, by offset. */
  readonly topics = new Map<string, string[]>();
  readonly identities = new Map<string, string>();
  clusterId: string | null = 'cluster-a';
  /** What happened, in order: `poll`, `assign a/0@3`, `close`. */
  readonly events: string[] = [];
  announced: Record<string, number> = {};
  /** Called at the begin of every discovery and poll; may throw or wait. */
  onDiscover: () => void | Promise<void> = () => {};
  onPoll: (signal: AbortSignal) => void | Promise<void> = () => {};
  onClose: () => void | Promise<void> = () => {};
  /** Where a split of a group that is new at the start begins, like `start` of a real source. */
  startFirst: 'earliest' | 'latest' = 'earliest';
  readonly #frameRecords: number;

  constructor({ bounded = false, discoverIntervalMs, frameRecords = 10 }: QueueOptions = {}) {
    this.bounded = bounded;
    this.discoverIntervalMs = discoverIntervalMs;
    this.#frameRecords = frameRecords;
  }

  /** Appends `count` records that name themselves: `a/0:17`. */
  produce(id: string, count: number): void {
    const values = this.topics.get(id) ?? [];
    this.topics.set(id, values);
    for (let i = 0; i < count; i++) values.push(`${id}:${values.length}`);
  }

  /** Every record, as an output should hold them. */
  get all(): string[] {
    return [...this.topics.values()].flat().sort();
  }

  get splits(): Split[] {
    return [...this.topics.keys()].map((id) => {
      const slash = id.lastIndexOf('/');
      const group = id.slice(0, slash);
      return { id, group, index: Number(id.slice(slash + 1)), identity: this.identities.get(group) ?? null };
    });
  }

  async open({ env }: SourceContext): Promise<SourceSession<Offset>> {
    return {
      discover: async () => {
        await this.onDiscover();
        return { clusterId: this.clusterId, splits: this.splits };
      },
      startPositions: async (splits, why) => {
        const atEnd = why === 'first' && this.startFirst === 'latest';
        return splits.map(({ id }) => ({ offset: atEnd ? (this.topics.get(id)?.length ?? 0) : 0 }));
      },
      openReader: () => new QueueReader(this, env, this.#frameRecords),
      [Symbol.asyncDispose]: async () => {
        this.events.push('close');
        await this.onClose();
      },
    };
  }
}

class QueueReader implements SplitReader<Offset> {
  readonly #queue: Queue;
  readonly #env: Env;
  readonly #frameRecords: number;
  readonly #next = new Map<string, number>();

  constructor(queue: Queue, env: Env, frameRecords: number) {
    this.#queue = queue;
    this.#env = env;
    this.#frameRecords = frameRecords;
  }

  assign(splits: readonly (Split & { position: Offset })[]): void {
    for (const { id, position } of splits) {
      this.#queue.events.push(`assign ${id}@${position.offset}`);
      this.#next.set(id, position.offset);
    }
  }

  revoke(splits: readonly string[]): void {
    for (const id of splits) this.#next.delete(id);
  }

  async poll({ signal }: { signal: AbortSignal }): Promise<Frame | 'idle' | 'end'> {
    this.#queue.events.push('poll');
    await this.#queue.onPoll(signal);
    signal.throwIfAborted();
    const batches = [...this.#next].flatMap(([split, offset]) => {
      const values = (this.#queue.topics.get(split) ?? []).slice(offset, offset + this.#frameRecords);
      return values.length === 0 ? [] : [{ split, offset, values }];
    });
    for (const { split, offset, values } of batches) this.#next.set(split, offset + values.length);
    if (batches.length > 0) return frameOf(batches);
    if (this.#queue.bounded) return 'end';
    await this.#env.timers.sleep(IDLE_MS, { signal });
    return 'idle';
  }

  announce(positions: readonly { split: string; position: Offset }[]): void {
    this.#queue.announced = Object.fromEntries(positions.map(({ split, position }) => [split, position.offset]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.events.push('close reader');
    await this.#queue.onClose();
  }
}
