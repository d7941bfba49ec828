import type { Env } from '../contract/env.ts';
import type { PendingHandle } from '../contract/sink.ts';
import type { PositionCodec } from '../contract/source.ts';
import { encodeHandle } from './handles.ts';
import type { SinkCodecs, SlotState } from './open-parts.ts';
import { type Slot, type SlotKind, type SlotSplit, type StoredSlot, succeedingSlot } from './slot.ts';

/** What a slot says anew. */
export interface NextSlot<H> {
  readonly splits: readonly SlotSplit[];
  /** Named by this slot first. */
  readonly named: readonly PendingHandle<H>[];
  /** Of the parts that stay open. */
  readonly state: SlotState;
  /** Since the slot before. */
  readonly records: number;
  readonly bytes: number;
}

/** The slot after `before`; `pending` is all that is to be committed once it is durable. */
export function nextSlot<P, H, S>(
  before: StoredSlot,
  next: NextSlot<H> & { readonly kind: SlotKind; readonly pending: readonly PendingHandle<H>[] },
  codecs: { readonly env: Env; readonly sink: SinkCodecs<H, S>; readonly positions: PositionCodec<P> },
): Slot {
  const { source, sinks, stats } = before.slot;
  const { kind, splits, named, state, pending, records, bytes } = next;
  return {
    ...succeedingSlot(before, codecs.env),
    kind,
    source: { ...source, version: codecs.positions.version, splits: [...splits] },
    sinks: { ...sinks, main: { ...sinks.main, state, counter: sinks.main.counter + named.length } },
    pending: pending.map((handle) => encodeHandle(codecs.sink.handles, handle)),
    stats: { records: stats.records + records, bytes: stats.bytes + bytes },
  };
}
