import { formatDate, formatTimestamp } from './calendar.ts';
import { formatDecimal } from './numbers.ts';
import type { RowField, RowType, RowValue } from './row-schema.ts';

/** A value as text: ISO 8601 for dates and times, base64 for bytes, JSON for lists and structs. */
export function cellText(value: NonNullable<RowValue>, type: RowType): string {
  switch (type.kind) {
    case 'date':
      return formatDate(value as number);
    case 'timestamp':
      return formatTimestamp(value as number, type.unit);
    case 'decimal':
      return formatDecimal(value as bigint, type.scale);
    case 'bytes':
      return base64(value as Uint8Array);
    case 'list':
    case 'struct':
      return jsonText(value, type);
    default:
      return String(value);
  }
}

/** A value as JSON: what text is in a cell is a JSON string, but for numbers, which keep every digit. */
function jsonText(value: RowValue, type: RowType): string {
  if (value === null) return 'null';
  switch (type.kind) {
    case 'string':
    case 'bytes':
    case 'date':
    case 'timestamp':
      return JSON.stringify(cellText(value, type));
    case 'list':
      return `[${(value as readonly RowValue[]).map((item) => jsonText(item, type.items.type)).join(',')}]`;
    case 'struct': {
      const values = value as readonly RowValue[];
      const field = ({ name, type: inner }: RowField, index: number) =>
        `${JSON.stringify(name)}:${jsonText(values[index] as RowValue, inner)}`;
      return `{${type.fields.map(field).join(',')}}`;
    }
    default:
      return cellText(value, type);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
