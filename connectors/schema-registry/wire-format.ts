import { type RecordPlace, rejectedRecord } from '../formats/record-problem.ts';

const MAGIC = 0;
/** The magic byte and the id of the schema. */
export const PREFIX_BYTES = 5;
/** Of what is no prefix, for messages. */
const SHOWN_BYTES = 8;

/** The id of the schema that a value in Confluent's wire format names. Throws `rejected`. */
export function schemaIdOf(bytes: Buffer, at: RecordPlace): number {
  if (bytes.length >= PREFIX_BYTES && bytes[0] === MAGIC) {
    const id = bytes.readInt32BE(1);
    if (id >= 0) return id;
  }
  throw rejectedRecord(at, 'VALUE_NOT_WIRE_FORMAT', {
    what: `has a value that does not begin with a zero byte and the id of a schema, ${shown(bytes)}`,
    help: looksLikeJson(bytes)
      ? 'It looks like plain JSON: set source.value.format: json. Else mend the producer.'
      : 'Does the producer write by a schema registry? Plain JSON needs source.value.format: json.',
    details: { bytes: bytes.length },
  });
}

/** A value without its prefix, in the same memory. Throws `rejected`. */
export function bodyOf(bytes: Buffer, at: RecordPlace): Buffer {
  schemaIdOf(bytes, at);
  return bytes.subarray(PREFIX_BYTES);
}

function shown(bytes: Buffer): string {
  if (bytes.length === 0) return 'but is empty';
  const first = bytes
    .subarray(0, SHOWN_BYTES)
    .toString('hex')
    .replace(/..(?!$)/g, '$& ');
  return `but with ${first}${bytes.length > SHOWN_BYTES ? ' …' : ''}`;
}

function looksLikeJson(bytes: Buffer): boolean {
  return /^\s*[{["\d-]/.test(bytes.toString('latin1', 0, SHOWN_BYTES));
}
