import { isUtf8 } from 'node:buffer';
import { type RecordPlace, rejectedRecord } from '../formats/record-problem.ts';

/** Throws `rejected` at `at` for bytes that are no JSON text. `where` ends the sentence that says so. */
export function requireJson(bytes: Buffer, at: RecordPlace, where: string): void {
  const text = bytes.toString();
  // What is no UTF-8 is decoded as U+FFFD; only where there is one, it has to be told from one that was written.
  if (text.includes('\uFFFD') && !isUtf8(bytes)) throw notJson(at, where, 'not UTF-8');
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw notJson(at, where, error.message, error);
    if (error instanceof RangeError) throw notJson(at, where, 'nested too deeply', error);
    throw error;
  }
}

function notJson(at: RecordPlace, where: string, why: string, cause?: unknown): Error {
  return rejectedRecord(at, 'VALUE_NOT_JSON', {
    what: `has a value that is not JSON${where}: ${why}`,
    help: 'Is it of another format (source.value.format)? Else mend the producer.',
    cause,
  });
}
