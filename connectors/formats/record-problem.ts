import { SluiceError } from '../../core/spi.ts';
import type { FormatRecord } from './part-encoder.ts';

/** Where a record is, for messages. */
export type RecordPlace = Pick<FormatRecord, 'topic' | 'partition' | 'offset'>;

const FOUND_CHARS_MAX = 60;

/** A record that a format cannot hold; `what` goes on after "the record at offset 12 ". */
export function rejectedRecord(
  record: RecordPlace,
  code: string,
  { what, help, details = {}, cause }: { what: string; help: string; details?: object; cause?: unknown },
): SluiceError {
  const { topic, partition, offset } = record;
  return new SluiceError('rejected', code, {
    message: `${topic}/${partition}: the record at offset ${offset} ${what}`,
    help,
    details: { topic, partition, offset, ...details },
    cause,
  });
}

/** A value for a message: its JSON text, shortened. */
export function describeFound(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  const chars = [...text.slice(0, FOUND_CHARS_MAX + 1)];
  return text.length <= FOUND_CHARS_MAX ? text : `${chars.slice(0, FOUND_CHARS_MAX).join('')}…`;
}
