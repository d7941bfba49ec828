import { isUtf8 } from 'node:buffer';
import { unreachable } from '../../core/spi.ts';
import { missing } from './coerce.ts';
import type { FormatRecord } from './part-encoder.ts';
import { rejectedRecord } from './record-problem.ts';
import type { MetaName, RowField, RowType, RowValue } from './row-schema.ts';

/** Reads what is known of a record beside its value, as a column of `field`'s type. */
export function metaReader(meta: MetaName, { type, nullable }: RowField): (record: FormatRecord) => RowValue {
  switch (meta) {
    case 'topic':
      return (record) => record.topic;
    case 'partition':
      return (record) => record.partition;
    case 'offset':
      return (record) => record.offset;
    case 'timestamp': {
      const perMs = type.kind === 'timestamp' && type.unit === 'us' ? 1000 : 1;
      return (record) => record.timestampMs * perMs;
    }
    case 'key':
      return (record) => {
        if (record.key !== null) return bytesAs(type.kind, record.key, record, 'key');
        if (nullable) return null;
        throw missing(record, 'its key', null);
      };
    case 'headers':
      return type.kind === 'list' ? headerList(type.items) : headersAsJson;
    default:
      return unreachable(meta);
  }
}

/** The text of a key or of a header's value. Throws `rejected` when it is no UTF-8. */
export function requireUtf8(bytes: Buffer, record: FormatRecord, what: string): string {
  if (isUtf8(bytes)) return bytes.toString();
  throw rejectedRecord(record, 'ROW_NOT_UTF8', {
    what: `has a ${what} that is not UTF-8`,
    help: 'Take it as bytes (base64 in lines of JSON).',
  });
}

/** `[["name","text"], ...]`: a name may come twice. */
function headersAsJson(record: FormatRecord): string {
  return JSON.stringify(
    record.headers.map(([name, value]) => [name, value === null ? null : requireUtf8(value, record, `header ${name}`)]),
  );
}

function headerList(items: RowField): (record: FormatRecord) => RowValue {
  const [, valueField] = (items.type as Extract<RowType, { kind: 'struct' }>).fields;
  const { type, nullable } = valueField as RowField;
  return (record) =>
    record.headers.map(([name, value]) => {
      if (value !== null) return [name, bytesAs(type.kind, value, record, `header ${name}`)];
      if (nullable) return [name, null];
      throw missing(record, `its header ${name}`, null);
    });
}

function bytesAs(kind: RowType['kind'], bytes: Buffer, record: FormatRecord, what: string): string | Buffer {
  // A copy: the memory is the source's.
  if (kind === 'bytes') return Buffer.from(bytes);
  const text = requireUtf8(bytes, record, what);
  if (kind === 'json') requireJson(text, record, what);
  return text;
}

function requireJson(text: string, record: FormatRecord, what: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw rejectedRecord(record, 'ROW_NOT_JSON', {
      what: `has a ${what} that is not JSON`,
      help: 'Take it as string or bytes.',
      cause,
    });
  }
}
