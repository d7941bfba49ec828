import type { Frame, SplitId, SplitPosition } from './batch.ts';
import type { VersionedCodec } from './codec.ts';
import type { Diagnose } from './diagnosis.ts';
import type { Env } from './env.ts';
import type { MemoryBudget } from './memory.ts';
import type { CallOptions } from './store.ts';

/** Where records come from. Holds settings only; everything that connects lives in the session. */
export interface Source<P = unknown> {
  readonly type: string;
  /** A bounded source ends by itself once its stop positions are reached. */
  readonly bounded: boolean;
  /** How often to look for new splits while running; undefined = never. */
  readonly discoverIntervalMs?: number | undefined;
  readonly positions: PositionCodec<P>;
  open(context: SourceContext): Promise<SourceSession<P>>;
  /** Asked once `open` and `discover` have worked. */
  readonly diagnose?: Diagnose;
}

export interface PositionCodec<P> extends VersionedCodec<P> {
  /** Negative when `a` lies before `b` in the same split. */
  compare(a: P, b: P): number;
  /** For messages and `checkpoints show`: the next offset to read. */
  offsetNext(position: P): number;
  /** The same split at an earlier offset: only an operator's `checkpoints resolve --replay` moves a position back. */
  rewind(position: P, offsetNext: number): P;
}

export interface SourceContext {
  readonly env: Env;
  readonly pipeline: string;
  readonly memory: MemoryBudget;
  readonly signal: AbortSignal;
}

/** One topic-partition. */
export interface Split {
  readonly id: SplitId;
  /** The topic: a file never mixes groups; a split found later in a known group starts at its beginning. */
  readonly group: string;
  /** The partition number; with `group` it decides the shard. */
  readonly index: number;
  /** Tells a recreated topic from the old one (the topic id); null when the source cannot tell. */
  readonly identity: string | null;
}

export interface Discovery {
  /** Tells one cluster from another; null when the source cannot tell. */
  readonly clusterId: string | null;
  readonly splits: readonly Split[];
}

/** One incarnation's connection to the source. Dispose closes sockets and nothing else. */
export interface SourceSession<P = unknown> extends AsyncDisposable {
  discover(options?: CallOptions): Promise<Discovery>;
  /**
   * Resolves where splits without a saved position begin, in the order given. `first`: their group is new, the configured
   * start counts. `found`: a split that appeared in a known group begins at its earliest record.
   */
  startPositions(splits: readonly Split[], why: 'first' | 'found', options?: CallOptions): Promise<P[]>;
  openReader(): SplitReader<P>;
}

export interface SplitReader<P = unknown> extends AsyncDisposable {
  /** Adds splits to read from `position` on. Whether the position still exists is checked before its first record is delivered. */
  assign(splits: readonly (Split & { position: P })[]): void;
  revoke(splits: readonly SplitId[]): void;
  /** The next frame; `idle` after a bounded wait without records; `end` once every stop position is reached. One call at a time. */
  poll(options: { signal: AbortSignal }): Promise<Frame | 'idle' | 'end'>;
  /** These positions are durable, and their output is visible but for what is in parts that stay open: publish them for lag tools. Must not throw or wait. */
  announce?(positions: readonly SplitPosition<P>[]): void;
}
