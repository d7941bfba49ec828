import type { Frame } from '../../../core/spi.ts';
import type { Place } from '../directories/renderer.ts';
import type { OpenPart } from '../open-part.ts';

/** A way of records from frames to parts. */
export interface Lane {
  /** Takes records `from`.. of the frame while the parts have room; returns the index behind the last one taken. Never waits. */
  write(frame: Frame, from: number): number;
}

/** What a lane needs to know of the writer's parts. */
export interface Parts<H> {
  /** Too much is on its way to files: nothing more is to be taken now. */
  readonly isFull: boolean;
  /** The open part of a topic's place, begun if there is none. It counts as written to now. */
  partFor(topic: string, place: Place): OpenPart<H>;
  /** Called after records were added; the part is closed when it has become full, and is none of the open ones any more. */
  rollIfFull(part: OpenPart<H>): boolean;
  /** Puts on their way what the parts hold that hold most, `bytes` of it; first what does not end blocks. */
  flushLargest(bytes: number): void;
}
