import type { SluiceError } from '../errors.ts';
import type { Frame, SplitId } from './batch.ts';
import type { VersionedCodec } from './codec.ts';
import type { Diagnose } from './diagnosis.ts';
import type { Env } from './env.ts';
import type { MemoryBudget } from './memory.ts';
import type { CallOptions, Store } from './store.ts';

/** Where records go, in two phases. Holds settings only; everything that connects lives in the session. */
export interface Sink<H = unknown, S = unknown> {
  readonly type: string;
  /** What the layout fixes: a changed identity is another sink, for example `file:/data/clicks`. */
  readonly identity: string;
  readonly handles: VersionedCodec<H>;
  /** How slots keep a part that stays open across checkpoints; left out by a sink that has none. */
  readonly states?: VersionedCodec<S> | undefined;
  /**
   * `_sluice/` under the sink's root: holds the output marker, and the checkpoints when no store is configured.
   * Undefined for a sink without a root (a Kafka topic).
   */
  rootStore(env: Env): Store | undefined;
  /** Looks, before anything is claimed, whether this can work at all. Throws `config` for what only the user can mend. */
  check(context: CheckContext): Promise<void>;
  /** Called after the claim is durable. */
  open(context: SinkContext): Promise<SinkSession<H, S>>;
  /** What `abortOrphans` would discard, decided by the same code. Needs no claim and discards nothing. */
  listOrphans?(scope: OrphanScope, keep: Named<H, S>, context: CheckContext): Promise<OrphanListing>;
  /** Looks at all that `check` looks at, and further. */
  readonly diagnose?: Diagnose;
}

export interface CheckContext {
  readonly env: Env;
  readonly signal: AbortSignal;
}

/** Whose output this is: everything a name needs to be unique for ever and decidable for cleanup. */
export interface Owner {
  readonly pipeline: string;
  /** 16 hex digits, made with the layout. */
  readonly lineage: string;
  readonly layout: number;
  readonly shard: number;
}

export interface SinkContext extends Owner {
  readonly env: Env;
  readonly epoch: number;
  readonly memory: MemoryBudget;
  /** Aborts when the incarnation is over: pending calls may reject, nothing new is started. */
  readonly signal: AbortSignal;
}

/** One incarnation's connection: clients and ids are shared by committer and writer. Dispose never commits and never aborts. */
export interface SinkSession<H = unknown, S = unknown> extends AsyncDisposable {
  readonly committer: Committer<H, S>;
  openWriter(events: WriterEvents): Promise<SinkWriter<H, S>>;
  /**
   * Ends the parts that an earlier incarnation had open, each at what its state recorded: one verdict per state, in order.
   * Never goes on with them, and leaves them as they are, since their writer may still be alive. Made by sinks with `states`.
   */
  finishOpen?(states: readonly S[]): Promise<FinishedPart<H>[]>;
}

/** What a writer tells the engine. */
export interface WriterEvents {
  /** Parts were closed outside of a cut and wait for one, even if nothing else is written. */
  wantsCut(): void;
}

export type FinishedPart<H = unknown> =
  /** Staged durably under a name of this incarnation. */
  | { readonly kind: 'staged'; readonly handle: StagedHandle<H> }
  /** What was recorded is not there any more. */
  | { readonly kind: 'lost'; readonly place: string; readonly why: string; readonly covers: Covers };

export interface Barrier {
  /** Counts the cuts of this incarnation from 1. */
  readonly number: number;
  /** The last cut of an orderly stop: nothing is written after it. */
  readonly last: boolean;
}

/** Offsets per split that a staged thing holds: from (inclusive) to (exclusive). */
export type Covers = Record<SplitId, readonly [from: number, to: number]>;

export interface StagedHandle<H = unknown> {
  /** What kind of thing it makes visible, for example `file`. */
  readonly kind: string;
  /** Lower phases are committed before higher ones: completion marks wait for their parts. */
  readonly phase: number;
  readonly covers: Covers;
  readonly records: number;
  readonly bytes: number;
  readonly payload: H;
}

export interface Staged<H = unknown, S = unknown> {
  readonly handles: readonly StagedHandle<H>[];
  /** One for each part that stays open; what it holds so far is durable. */
  readonly open?: readonly S[] | undefined;
}

export interface SinkWriter<H = unknown, S = unknown> extends AsyncDisposable {
  /**
   * Takes records `from`..n of the frame and returns n; fewer than `frame.count` = full. Never waits. Retains the frame for
   * as long as its bytes are in use. A failure of earlier, asynchronous work is thrown here, by `ready` or by `cut`.
   */
  write(frame: Frame, from: number): number;
  /** Resolves when `write` can take at least one record more. */
  ready(options: { signal: AbortSignal }): Promise<void>;
  /** Cuts synchronously: what `write` has taken so far is in, what comes later is not. Resolves when all of it is staged durably. */
  cut(barrier: Barrier): Promise<Staged<H, S>>;
}

/** A staged thing named by a durable slot. */
export interface PendingHandle<H = unknown> {
  readonly id: string;
  readonly sink: 'main' | 'deadLetter';
  /** The slot that first named it, and the incarnation that staged it. */
  readonly seq: number;
  readonly epoch: number;
  readonly kind: string;
  readonly phase: number;
  readonly covers: Covers;
  readonly payload: H;
}

declare const permitBrand: unique symbol;
/** Proof that the handles shown with it are in a durable slot of a log that is still ours. Made by the coordinator alone. */
export interface CommitPermit {
  readonly [permitBrand]: true;
  readonly seq: number;
  readonly epoch: number;
}

export type Verdict =
  /** Made visible by this call. */
  | { readonly kind: 'committed' }
  /** Was visible before this call, proven by content. */
  | { readonly kind: 'alreadyCommitted' }
  /** Not known or not possible now; nothing is lost. */
  | { readonly kind: 'retryLater'; readonly cause: SluiceError }
  /** Neither staged nor visible any more. The coordinator looks for a newer slot before it believes this. */
  | { readonly kind: 'lost'; readonly why: string };

export interface OrphanScope extends Owner {
  /** Only what was staged by incarnations below this epoch. */
  readonly epochBelow: number;
}

/** What retained slots name: none of it is an orphan. */
export interface Named<H = unknown, S = unknown> {
  readonly handles: readonly PendingHandle<H>[];
  readonly open: readonly S[];
}

export interface OrphanReport {
  readonly aborted: readonly string[];
  readonly kept: number;
}

/** A staged thing that nobody will commit. */
export interface Orphan {
  /** A path, or a bucket and key: where a person would look for it. */
  readonly place: string;
  /** What else tells it from others at the same place, for example the id of an upload. */
  readonly id?: string | undefined;
  /** The incarnation that staged it. */
  readonly epoch: number;
  /** Undefined where it would cost too much to know. */
  readonly bytes: number | undefined;
  /** Wall time; undefined where nothing tells. */
  readonly stagedAtMs: number | undefined;
}

export interface OrphanListing {
  readonly orphans: readonly Orphan[];
  /** Staged by this owner, and no orphans: named by a slot, or of the newest incarnation. */
  readonly kept: number;
  /** Why there may be more than are to be seen, and what to do about it. */
  readonly blindness?: { readonly why: string; readonly help: string } | undefined;
}

export interface Committer<H = unknown, S = unknown> {
  /** One verdict per handle, in order. Idempotent, safe beside another committer of the same handles, from any process. */
  commit(handles: readonly PendingHandle<H>[], permit: CommitPermit, options: CallOptions): Promise<Verdict[]>;
  /** Discards what older incarnations of this owner staged and nothing in `keep` names: handles and open parts of every retained slot. */
  abortOrphans(scope: OrphanScope, keep: Named<H, S>, options: CallOptions): Promise<OrphanReport>;
}
