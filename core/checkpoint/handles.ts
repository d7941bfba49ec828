import type { VersionedCodec } from '../contract/codec.ts';
import type { Covers, PendingHandle, StagedHandle } from '../contract/sink.ts';
import type { SlotPending } from './slot.ts';

/** A handle of the main sink as slots carry it. */
export function encodeHandle<H>(codec: VersionedCodec<H>, handle: PendingHandle<H>): SlotPending {
  const { sink, id, seq, epoch, kind, phase, payload } = handle;
  const covers = Object.fromEntries(
    Object.entries(handle.covers).map(([split, [from, to]]) => [split, [from, to] as [number, number]]),
  );
  return { sink, id, seq, epoch, phase, covers, kind, version: codec.version, payload: codec.encode(payload) };
}

export function decodeHandle<H>(codec: VersionedCodec<H>, entry: SlotPending): PendingHandle<H> {
  const { sink, id, seq, epoch, phase, covers, kind } = entry;
  return { sink, id, seq, epoch, phase, covers, kind, payload: codec.decode(entry.version, entry.payload) };
}

/** Names a staged thing for the slot with number `seq`. */
export function nameHandle<H>(
  staged: StagedHandle<H>,
  place: { counter: number; seq: number; epoch: number },
): PendingHandle<H> {
  const { kind, phase, covers, payload } = staged;
  return {
    sink: 'main',
    id: `main-${String(place.counter).padStart(8, '0')}`,
    seq: place.seq,
    epoch: place.epoch,
    kind,
    phase,
    covers,
    payload,
  };
}

/** `clicks/3 offsets 100 to 199`, for messages. */
export function describeCovers(covers: Covers): string {
  const ranges = Object.entries(covers).map(([split, [from, to]]) => `${split} offsets ${from} to ${to - 1}`);
  return ranges.length === 0 ? 'no offsets' : ranges.join(', ');
}
