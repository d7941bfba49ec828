import type { OpenPart } from '../open-part.ts';
import type { EncoderGathering } from './encoder-gathering.ts';
import type { HeldBytes } from './held-bytes.ts';
import type { Parts } from './lane.ts';
import type { RecordAt } from './record-at.ts';
import type { RecordTaker } from './routed-lane.ts';

/** Records in a format that looks into them. When memory is short the parts that hold most end their blocks early. */
export class EncodeTaker<H> implements RecordTaker<H> {
  readonly #parts: Parts<H>;
  readonly #held: HeldBytes;

  constructor(parts: Parts<H>, held: HeldBytes) {
    this.#parts = parts;
    this.#held = held;
  }

  begin(): void {}

  take(part: OpenPart<H>, record: RecordAt): boolean {
    const isReady = (part.gathering as EncoderGathering).add(record);
    const { excessBytes } = this.#held;
    if (isReady && excessBytes > 0) this.#parts.flushLargest(excessBytes);
    return isReady;
  }
}
