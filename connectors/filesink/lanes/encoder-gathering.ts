import type { Beside, FormatRecord, PartEncoder } from '../../formats/part-encoder.ts';
import type { Chunk, Gathering } from '../open-part.ts';
import type { HeldBytes } from './held-bytes.ts';

/** Looked at when so much more has gathered, or earlier with many open parts: else much would be known too late. */
const LOOK_BYTES = 256 * 1024;

/** One part of a format that looks into records. */
export class EncoderGathering implements Gathering {
  readonly #encoder: PartEncoder;
  readonly #held: HeldBytes;
  #knownBytes = 0;

  constructor(encoder: PartEncoder, held: HeldBytes) {
    this.#encoder = encoder;
    this.#held = held;
    held.share(1);
  }

  get gatheredBytes(): number {
    return this.#encoder.gatheredBytes;
  }

  get besideBytes(): number {
    return this.#encoder.journalBytes ?? 0;
  }

  /** True when it is worth to ask for what is complete. */
  add(record: FormatRecord): boolean {
    this.#encoder.add(record);
    const unknownBytes = this.#encoder.gatheredBytes - this.#knownBytes;
    const isMuch = unknownBytes >= Math.min(LOOK_BYTES, this.#held.fairBytes / 4);
    if (isMuch) this.#count();
    return isMuch;
  }

  take({ all }: { all: boolean }): Chunk[] {
    if (all) this.#encoder.endBlock();
    return this.#given(this.#encoder.take());
  }

  takeBeside(): Beside | undefined {
    const beside = this.#encoder.takeJournal?.();
    this.#count();
    return beside;
  }

  finish(): Chunk[] {
    this.#held.share(-1);
    return this.#given(this.#encoder.finish());
  }

  #given(buffers: readonly Buffer[]): Chunk[] {
    this.#count();
    return buffers.map((bytes) => ({ bytes, holder: undefined }));
  }

  #count(): void {
    const bytes = this.#encoder.gatheredBytes;
    this.#held.change(bytes - this.#knownBytes);
    this.#knownBytes = bytes;
  }
}
