import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { unreachable } from '../../core/spi.ts';
import type { ByteWriter } from './byte-writer.ts';
import { LineEncoder, type WriteLine } from './line-encoder.ts';
import { requireUtf8 } from './meta-columns.ts';
import type { FormatRecord, RecordFormat } from './part-encoder.ts';
import { rejectedRecord } from './record-problem.ts';
import type { MetaName } from './row-schema.ts';

const META_NAMES = ['topic', 'partition', 'offset', 'timestamp', 'key', 'headers'] as const;
const NEWLINE = 10;
const SPACE = 32;
const CLOSING_BRACE = 125;
const NULL = Buffer.from('null');

const bytesAs = z.enum(['json', 'trustedJson', 'text', 'base64']);
type BytesAs = z.infer<typeof bytesAs>;

/** The keys of format `ndjson` for lines that say more of a record than its value. */
export const envelopeSettings = {
  envelope: z
    .strictObject({
      fields: z
        .array(z.enum(META_NAMES))
        .refine((fields) => new Set(fields).size === fields.length, 'a field comes twice')
        .prefault([...META_NAMES])
        .describe('What stands before the value, in this order.'),
      value: bytesAs
        .prefault('json')
        .describe(
          'What a value becomes: `json` is put in as it is once it has been checked, `trustedJson` is not checked, `text` is a ' +
            'JSON string of its UTF-8, `base64` holds any bytes.',
        ),
      key: bytesAs.prefault('text').describe('What a key becomes, as for `value`.'),
      headers: z
        .enum(['text', 'base64'])
        .prefault('text')
        .describe('What the values of headers become. Headers are a list of [name, value]: a name may come twice.'),
    })
    .optional()
    .describe(
      'Makes every line a map, {"topic":"clicks","partition":0,"offset":12,..,"value":..}; without it a line is the value.',
    ),
};

export interface EnvelopeSettings {
  readonly fields: readonly MetaName[];
  readonly value: BytesAs;
  readonly key: BytesAs;
  readonly headers: 'text' | 'base64';
}

type Write = (record: FormatRecord, out: ByteWriter) => void;
type WriteBytes = (bytes: Buffer, out: ByteWriter) => void;
/** Looks whether bytes can be written, before any of the record is. */
type Check = (bytes: Buffer, record: FormatRecord, what: string) => void;

/** Lines of JSON with what is known of a record and its value last. No value (a tombstone) and no key are `null`. */
export function envelopeFormat(settings: EnvelopeSettings): RecordFormat {
  const { fields, value, key, headers } = settings;
  const writes = fields.map((field, index) => fieldWriter(field, index === 0 ? '{' : ',', settings));
  const beforeValue = Buffer.from(`${fields.length === 0 ? '{' : ','}"value":`);
  const checkValue = checkOf(value);
  const writeValue = writerOf(value);
  const checkKey = fields.includes('key') ? checkOf(key) : undefined;
  const checkHeader = fields.includes('headers') ? checkOf(headers) : undefined;

  const write: WriteLine = (record, out) => {
    if (record.value !== null) checkValue?.(record.value, record, 'value');
    if (record.key !== null) checkKey?.(record.key, record, 'key');
    if (checkHeader !== undefined)
      for (const [name, bytes] of record.headers) if (bytes !== null) checkHeader(bytes, record, `header ${name}`);

    for (let index = 0; index < writes.length; index++) (writes[index] as Write)(record, out);
    out.bytes(beforeValue);
    writeOrNull(record.value, writeValue, out);
    out.byte(CLOSING_BRACE);
    out.byte(NEWLINE);
  };
  return { extension: 'ndjson', begin: () => new LineEncoder(write) };
}

function fieldWriter(field: MetaName, before: string, { key, headers }: EnvelopeSettings): Write {
  const start = Buffer.from(`${before}"${field}":`);
  switch (field) {
    case 'topic':
      return (record, out) => {
        out.bytes(start);
        out.text(JSON.stringify(record.topic));
      };
    case 'partition':
      return (record, out) => writeNumber(start, record.partition, out);
    case 'offset':
      return (record, out) => writeNumber(start, record.offset, out);
    case 'timestamp':
      return (record, out) => writeNumber(start, record.timestampMs, out);
    case 'key': {
      const writeKey = writerOf(key);
      return (record, out) => {
        out.bytes(start);
        writeOrNull(record.key, writeKey, out);
      };
    }
    case 'headers': {
      const writeHeader = writerOf(headers);
      return (record, out) => {
        out.bytes(start);
        writeHeaders(record, writeHeader, out);
      };
    }
    default:
      return unreachable(field);
  }
}

function writeNumber(start: Buffer, value: number, out: ByteWriter): void {
  out.bytes(start);
  out.text(String(value));
}

function writeHeaders({ headers }: FormatRecord, write: WriteBytes, out: ByteWriter): void {
  out.text('[');
  headers.forEach(([name, bytes], index) => {
    out.text(`${index === 0 ? '' : ','}[${JSON.stringify(name)},`);
    writeOrNull(bytes, write, out);
    out.text(']');
  });
  out.text(']');
}

function writeOrNull(bytes: Buffer | null, write: WriteBytes, out: ByteWriter): void {
  if (bytes === null) out.bytes(NULL);
  else write(bytes, out);
}

function writerOf(as: BytesAs): WriteBytes {
  switch (as) {
    case 'json':
    case 'trustedJson':
      return (bytes, out) => out.bytes(bytes.includes(NEWLINE) ? onOneLine(bytes) : bytes);
    case 'text':
      return (bytes, out) => out.text(JSON.stringify(bytes.toString()));
    case 'base64':
      return (bytes, out) => out.text(`"${bytes.toString('base64')}"`);
    default:
      return unreachable(as);
  }
}

/** A bare newline of valid JSON stands between tokens, where a space says the same. */
function onOneLine(json: Buffer): Buffer {
  return Buffer.from(json.map((byte) => (byte === NEWLINE ? SPACE : byte)));
}

function checkOf(as: BytesAs): Check | undefined {
  switch (as) {
    case 'json':
      return requireJson;
    case 'trustedJson':
      return (bytes, record, what) => {
        if (bytes.includes(NEWLINE)) requireJson(bytes, record, what);
      };
    case 'text':
      return requireUtf8;
    case 'base64':
      return undefined;
    default:
      return unreachable(as);
  }
}

function requireJson(bytes: Buffer, record: FormatRecord, what: string): void {
  try {
    if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8');
    JSON.parse(bytes.toString());
  } catch (cause) {
    throw rejectedRecord(record, 'ENVELOPE_NOT_JSON', {
      what: `has a ${what} that is not JSON: ${(cause as Error).message}`,
      help: `Write it as text or base64 (envelope.${what}), or mend the producer.`,
      cause,
    });
  }
}
