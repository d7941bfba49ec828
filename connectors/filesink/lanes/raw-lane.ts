import { type Frame, type LineFormat, type LineLimits, LinePacker, type RecordBatch } from '../../../core/spi.ts';
import type { Place } from '../directories/renderer.ts';
import { openPartOf } from '../open-part.ts';
import type { Roll } from '../settings.ts';
import type { Lane, Parts } from './lane.ts';

/** Large enough to make a write cheap, small enough that several parts share the disk fairly. */
export const RANGE_BYTES_MAX = 512 * 1024;

export interface RawLaneOptions<H> {
  readonly parts: Parts<H>;
  readonly line: LineFormat;
  readonly roll: Roll;
  readonly rangeBytesMax: number;
  /** Where the records of a batch go, whatever they are: the same object for the same place. */
  placeOf(batch: RecordBatch): Place;
}

interface Target {
  readonly topic: string;
  readonly place: Place;
}

/** Values as they are: packed to lines inside their frame, and from there to the file without a copy. */
export class RawLane<H> implements Lane {
  readonly #options: RawLaneOptions<H>;
  readonly #packer: LinePacker<Target>;
  readonly #bySplit = new Map<string, Target>();
  readonly #byPlace = new Map<Place, Target>();

  constructor(options: RawLaneOptions<H>) {
    this.#options = options;
    this.#packer = new LinePacker(options.line, this.#targetOf);
  }

  write(frame: Frame, from: number): number {
    const { parts } = this.#options;
    let taken = from;
    while (taken < frame.count && !parts.isFull) {
      const range = this.#packer.pack(frame, taken, this.#limitsFor);
      taken = range.taken;
      // Nothing but skipped nulls: they need no file, the position alone says that they are done.
      if (range.records === 0) continue;
      const part = parts.partFor(range.target.topic, range.target.place);
      frame.retain();
      part.add(range.bytes, frame);
      part.records += range.records;
      for (const { split, from, to } of range.covers) part.cover(split, from, to);
      parts.rollIfFull(part);
    }
    return taken;
  }

  readonly #limitsFor = ({ place }: Target): LineLimits => {
    const { roll, rangeBytesMax } = this.#options;
    const part = openPartOf<H>(place);
    return {
      bytesMax: Math.min(rangeBytesMax, Math.max(1, roll.bytes - (part?.bytes ?? 0))),
      recordsMax: roll.records - (part?.records ?? 0),
    };
  };

  readonly #targetOf = (batch: RecordBatch): Target => {
    const known = this.#bySplit.get(batch.split);
    if (known !== undefined && known.topic === batch.group) return known;
    const place = this.#options.placeOf(batch);
    const target = this.#byPlace.get(place) ?? { topic: batch.group, place };
    this.#byPlace.set(place, target);
    this.#bySplit.set(batch.split, target);
    return target;
  };
}
