import { type LineFormat, NEWLINE, NULL_LINE, rewriteNewlines } from '../../../core/spi.ts';
import type { OpenPart } from '../open-part.ts';
import type { LineGathering } from './line-gathering.ts';
import type { RecordAt } from './record-at.ts';
import type { RecordTaker } from './routed-lane.ts';

const EMPTY = Buffer.alloc(0);

/** Values as they are, one line each, copied to the part they belong to. */
export class CopyTaker<H> implements RecordTaker<H> {
  readonly #line: LineFormat;
  readonly #nullLine: Buffer;
  #bytes: Buffer = EMPTY;
  /** The next newline at or behind the record in hand. */
  #newlineAt = -1;

  constructor(line: LineFormat) {
    this.#line = line;
    this.#nullLine = line.newlines === 'rewrite' ? NULL_LINE : EMPTY;
  }

  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#newlineAt = -1;
  }

  take(part: OpenPart<H>, record: RecordAt): boolean {
    const { delimiter, newlines } = this.#line;
    const { valueStart: start, valueEnd: end } = record;
    const gathering = part.gathering as LineGathering;
    if (start < 0) gathering.append(this.#nullLine, 0, this.#nullLine.length, delimiter);
    else {
      if (newlines === 'rewrite' && this.#findNewline(start) < end) this.#rewrite(record);
      gathering.append(this.#bytes, start, end, delimiter);
    }
    return gathering.isReady;
  }

  #findNewline(start: number): number {
    if (this.#newlineAt < start) {
      const at = this.#bytes.indexOf(NEWLINE, start);
      this.#newlineAt = at < 0 ? Number.MAX_SAFE_INTEGER : at;
    }
    return this.#newlineAt;
  }

  #rewrite({ topic, partition, offset, valueStart, valueEnd }: RecordAt): void {
    rewriteNewlines(this.#bytes, valueStart, valueEnd, () => ({ split: `${topic}/${partition}`, offset }));
    this.#newlineAt = -1;
  }
}
