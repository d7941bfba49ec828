import {
  type DecodedRecords,
  type LineFormat,
  NEWLINE,
  NULL_LINE,
  type RecordBatch,
  type RecordColumns,
  rewriteNewlines,
} from '../../../core/spi.ts';
import type { OpenPart } from '../open-part.ts';
import type { LineFilling } from './line-filling.ts';
import type { RecordTaker } from './routed-lane.ts';

const EMPTY = Buffer.alloc(0);

/** Values as they are, one line each, copied to the part they belong to. */
export class CopyTaker<H> implements RecordTaker<H> {
  readonly #line: LineFormat;
  #split = '';
  #bytes: Buffer = EMPTY;
  #columns: RecordColumns | undefined;
  /** The next newline at or behind the record in hand. */
  #newlineAt = -1;

  constructor(line: LineFormat) {
    this.#line = line;
  }

  begin(batch: RecordBatch, columns: RecordColumns, { bytes }: DecodedRecords): void {
    this.#split = batch.split;
    this.#bytes = bytes;
    this.#columns = columns;
    this.#newlineAt = -1;
  }

  take(part: OpenPart<H>, index: number): boolean {
    const { start: starts, end: ends, offset } = this.#columns as RecordColumns;
    const { delimiter, newlines } = this.#line;
    const filling = part.filling as LineFilling;
    const start = starts[index] as number;
    const end = ends[index] as number;
    if (start < 0) {
      const line = newlines === 'rewrite' ? NULL_LINE : EMPTY;
      filling.append(line, 0, line.length, delimiter);
    } else {
      if (newlines === 'rewrite' && this.#findNewline(start) < end)
        this.#rewrite(start, end, { split: this.#split, offset: offset[index] as number });
      filling.append(this.#bytes, start, end, delimiter);
    }
    return filling.isReady;
  }

  #findNewline(start: number): number {
    if (this.#newlineAt < start) {
      const at = this.#bytes.indexOf(NEWLINE, start);
      this.#newlineAt = at < 0 ? Number.MAX_SAFE_INTEGER : at;
    }
    return this.#newlineAt;
  }

  #rewrite(start: number, end: number, where: { split: string; offset: number }): void {
    rewriteNewlines(this.#bytes, start, end, () => where);
    this.#newlineAt = -1;
  }
}
