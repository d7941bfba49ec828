import assert from 'node:assert/strict';
import { Coordinator } from '../../../core/checkpoint/coordinator.ts';
import { CheckpointLog } from '../../../core/checkpoint/log.ts';
import { decodeSlot, encodeSlot, type Slot, type SlotSplit } from '../../../core/checkpoint/slot.ts';
import type { Committer, OrphanScope, PendingHandle, Staged, Verdict } from '../../../core/contract/sink.ts';
import type { SluiceError } from '../../../core/errors.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { chainOf, keyOf, type Offset, offsets, records, type SlotFacts, splitsAt, stored } from './slots.ts';
import { away, StoreFaults } from './store-faults.ts';
import { VirtualEnv } from './virtual-env.ts';

type Records = readonly string[];
type Handle = PendingHandle<Records>;

export const TIMEOUT_MS = 60_000;
export const committed: Verdict = { kind: 'committed' };
export const retryLater: Verdict = { kind: 'retryLater', cause: away() };

/** One incarnation on a log whose last slot of `facts` is its claim. */
export class CoordinatorBench {
  readonly virtual = new VirtualEnv();
  readonly faults = new StoreFaults();
  readonly store = new MemoryStore({ hooks: this.faults.hooks });
  readonly abort = new AbortController();
  readonly failures: SluiceError[] = [];
  readonly commits: string[] = [];
  readonly sweeps: { scope: OrphanScope; keep: string[]; open: Records[] }[] = [];
  /** Positions that were announced as visible. */
  readonly visible: number[] = [];
  answer: (handle: Handle) => Verdict | Promise<Verdict> = () => committed;
  readonly coordinator: Coordinator<Offset, Records, Records>;

  constructor(facts: readonly SlotFacts[] = [{ kind: 'claim', positions: { 'clicks/0': 0 } }], { retain = 3 } = {}) {
    const chain = chainOf(facts.map((fact, i) => (i === facts.length - 1 ? { epoch: facts.length, ...fact } : fact)));
    for (const slot of chain) this.store.objects.set(keyOf(slot.seq), encodeSlot(slot));
    const committer: Committer<Records, Records> = {
      commit: async (handles) => {
        this.commits.push(...handles.map(({ id }) => id));
        return await Promise.all(handles.map((handle) => this.answer(handle)));
      },
      abortOrphans: async (scope, keep) => {
        this.sweeps.push({ scope, keep: keep.handles.map(({ id }) => id), open: [...keep.open] });
        return { aborted: [], kept: keep.handles.length };
      },
    };
    this.coordinator = new Coordinator({
      log: new CheckpointLog(this.store, this.virtual.env, { pipeline: 'clicks', layout: 1, shard: 0 }),
      claim: stored(chain.at(-1) as Slot),
      positions: offsets,
      sink: { type: 'crates', handles: records, states: records },
      committer,
      env: this.virtual.env,
      retain,
      timeoutMs: TIMEOUT_MS,
      signal: this.abort.signal,
      onFailed: (error) => {
        this.failures.push(error);
        this.abort.abort();
      },
      onVisible: (splits) => this.visible.push(offsetOf(splits)),
    });
  }

  /** A cut at `offset` that staged one handle per name. */
  cut(offset: number, ...names: string[]): Promise<void> {
    return this.cutWith(offset, { names });
  }

  /** The same, and the parts named `open` stay open. */
  cutWith(offset: number, { names, open = [] }: { names: readonly string[]; open?: readonly string[] }): Promise<void> {
    const staged: Staged<Records, Records> = {
      open: open.map((name) => [name]),
      handles: names.map((name) => ({
        kind: 'crate',
        phase: 0,
        covers: { 'clicks/0': [0, offset] },
        records: 1,
        bytes: 1,
        payload: [name],
      })),
    };
    const cut = this.coordinator.checkpoint({ splits: splitsAt({ 'clicks/0': offset }), staged, records: 1, bytes: 1 });
    cut.catch(() => undefined);
    return cut;
  }

  get seqs(): number[] {
    return [...this.store.objects.keys()].sort().map((key) => Number(key.slice(-17, -5)));
  }

  slot(seq: number): Slot {
    const bytes = this.store.objects.get(keyOf(seq));
    assert.ok(bytes, `slot ${seq} exists`);
    return decodeSlot(bytes, keyOf(seq));
  }

  /** Somebody else writes the slot that this incarnation would write next, or a later one. */
  intrude(seq: number): void {
    const slot = { ...this.slot(this.seqs.at(-1) as number), seq, token: 'theirs', kind: 'claim' as const };
    this.store.objects.set(keyOf(seq), encodeSlot({ ...slot, owner: { host: 'two', pid: 2, version: '0.1.0' } }));
  }

  get settle(): Promise<void> {
    return this.virtual.settle();
  }
}

export function offsetOf(splits: readonly SlotSplit[]): number {
  return (splits[0]?.position as { offset: number } | undefined)?.offset ?? Number.NaN;
}
