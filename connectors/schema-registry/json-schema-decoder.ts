import { isUtf8 } from 'node:buffer';
import { mayRound, parseExactly } from '../formats/exact-json.ts';
import { type RecordPlace, rejectedRecord } from '../formats/record-problem.ts';
import type { ValueDecoder } from './decoder.ts';
import { bodyOf } from './wire-format.ts';

/** Where a number beyond 2^53 may begin, which is exact as a double only by chance: by its digits or its exponent. */
const LARGE_NUMBER = /(?:^|[:,[\s])-?\d(?:\d{15}|[\d.]*[eE]\+?\d)/;

/** Decodes JSON behind the prefix. It is not checked against its schema, which therefore is never fetched. */
export function jsonSchemaDecoder(): ValueDecoder {
  return {
    decode: (bytes, at) => ({ kind: 'value', value: parse(bodyOf(bytes, at), at) }),
    ready: async ({ signal }) => signal.throwIfAborted(),
  };
}

function parse(body: Buffer, at: RecordPlace): unknown {
  const text = body.toString();
  if (text.includes('\uFFFD') && !isUtf8(body)) throw notJson(at, 'not UTF-8');
  try {
    return mayRound(text) || LARGE_NUMBER.test(text) ? parseExactly(text) : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw notJson(at, error.message, error);
    if (error instanceof RangeError) throw notJson(at, 'nested too deeply', error);
    throw error;
  }
}

function notJson(at: RecordPlace, why: string, cause?: unknown): Error {
  return rejectedRecord(at, 'VALUE_NOT_JSON', {
    what: `has a value that is not JSON behind the id of its schema: ${why}`,
    help: 'Is it Avro (decode: avro)? Else mend the producer, or write this topic with format raw.',
    cause,
  });
}
