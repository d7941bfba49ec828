import type { FormatRecord } from '../../../connectors/formats/part-encoder.ts';

/** A record as a source shows it; a value that is neither text nor bytes is written as JSON. */
export function record(
  value: unknown,
  { key = null, headers = [], ...rest }: Partial<FormatRecord> = {},
): FormatRecord {
  return {
    topic: 'clicks',
    partition: 3,
    offset: 12,
    timestampMs: 1_700_000_000_000,
    key,
    headers,
    ...rest,
    value: bytesOf(value),
  };
}

function bytesOf(value: unknown): Buffer | null {
  if (value === null || Buffer.isBuffer(value)) return value;
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

/** What a test expects of a thrown `rejected`: its code and a part of its message. */
export function rejected(code: string, message: RegExp) {
  return (error: unknown) => {
    const { kind, code: found, message: text } = error as { kind: string; code: string; message: string };
    if (kind === 'rejected' && found === code && message.test(text)) return true;
    throw error;
  };
}
