import { assert } from '../assert.ts';
import { slotSplit } from '../checkpoint/restore.ts';
import type { SlotSplit } from '../checkpoint/slot.ts';
import type { SplitId, SplitPosition } from '../contract/batch.ts';
import type { PositionCodec, Split } from '../contract/source.ts';

/** The splits of one shard and how far the sink has taken each: what a barrier snapshots. */
export class SplitTable<P> {
  readonly #codec: PositionCodec<P>;
  readonly #active = new Map<SplitId, { split: Split; position: P }>();
  readonly #parked = new Map<SplitId, SlotSplit>();
  /** A position moved, or a split was added, since the last snapshot. */
  #changed = false;

  constructor(codec: PositionCodec<P>, saved: readonly SlotSplit[], assigned: readonly (Split & { position: P })[]) {
    this.#codec = codec;
    for (const { position, ...split } of assigned) this.#active.set(split.id, { split, position });
    for (const split of saved) if (!this.#active.has(split.id)) this.#parked.set(split.id, split);
  }

  get changed(): boolean {
    return this.#changed;
  }

  has(id: SplitId): boolean {
    return this.#active.has(id);
  }

  /** Where a split that was once read and then taken out of the configuration goes on. */
  parkedPosition(id: SplitId, version: number): P | undefined {
    const parked = this.#parked.get(id);
    return parked === undefined ? undefined : this.#codec.decode(version, parked.position);
  }

  add(split: Split, position: P): void {
    const identity = split.identity ?? this.#parked.get(split.id)?.topicId ?? null;
    this.#parked.delete(split.id);
    this.#active.set(split.id, { split: { ...split, identity }, position });
    this.#changed = true;
  }

  advance(positions: readonly SplitPosition[]): void {
    for (const { split, position } of positions) {
      const entry = this.#active.get(split);
      assert(entry !== undefined, `a frame holds only assigned splits, not ${split}`);
      if (this.#codec.compare(entry.position, position as P) !== 0) this.#changed = true;
      entry.position = position as P;
    }
  }

  /** What the next slot carries; resets `changed`. */
  snapshot(): SlotSplit[] {
    this.#changed = false;
    return this.current();
  }

  current(): SlotSplit[] {
    const active = [...this.#active.values()].map(({ split, position }) => slotSplit(split, this.#codec, position));
    return [...active, ...this.#parked.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
