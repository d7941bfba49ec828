import type { SplitId } from '../contract/batch.ts';
import { SluiceError } from '../errors.ts';

export const NEWLINE = 10;
const SPACE = 32;
/** What stands for no value where a line is JSON. */
export const NULL_LINE = Buffer.from('null');

interface RecordPlace {
  readonly split: SplitId;
  /** Exact in batches without gaps, a lower bound in others. */
  readonly offset: number;
}

/** In valid JSON a raw newline can only be whitespace between tokens, so a space in its place changes nothing but the line. */
export function rewriteNewlines(bytes: Buffer, start: number, end: number, where: () => RecordPlace): void {
  try {
    JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    const { split, offset } = where();
    throw new SluiceError('rejected', 'NDJSON_BARE_NEWLINE', {
      message: `${split}: the value at offset ${offset} contains a newline and is not JSON, so it cannot be one line`,
      help: 'Write this topic with sink.format: raw, or mend the producer.',
      details: { split, offset },
    });
  }
  for (let at = bytes.indexOf(NEWLINE, start); at >= 0 && at < end; at = bytes.indexOf(NEWLINE, at + 1))
    bytes[at] = SPACE;
}

export function nullValue({ split, offset }: RecordPlace): SluiceError {
  return new SluiceError('rejected', 'NULL_VALUE', {
    message: `${split}: the record at offset ${offset} has no value (a tombstone)`,
    help: 'Say what to do with them: sink.nulls: skip or write.',
    details: { split, offset },
  });
}
