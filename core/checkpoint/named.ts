import type { Named } from '../contract/sink.ts';
import { decodeHandle } from './handles.ts';
import { openPartsOf, type SinkCodecs } from './open-parts.ts';
import type { Slot } from './slot.ts';

/** What these slots name in one sink. Of slots from before the sink was moved, nothing: that lies elsewhere, and is settled. */
export function namedIn<H, S>(identity: string, codecs: SinkCodecs<H, S>, slots: readonly Slot[]): Named<H, S> {
  const here = slots.filter(({ sinks }) => sinks.main.identity === identity);
  return {
    handles: here.flatMap(({ pending }) => pending.map((entry) => decodeHandle(codecs.handles, entry))),
    open: here.flatMap((slot) => openPartsOf(codecs, slot)),
  };
}
