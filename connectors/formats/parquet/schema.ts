import type { SchemaElement } from 'hyparquet-writer';
import type { RowField, RowType } from '../row-schema.ts';

/** The levels of a 3-level list, as the Parquet format names them. */
export const LIST_LEVELS = { repeated: 'list', items: 'element' };

/** INT32 holds 9 decimal digits, INT64 18; more take a byte array that is just long enough. */
const [DIGITS_INT32, DIGITS_INT64] = [9, 18];

/** The element that begins a schema. */
export function rootElement(fields: readonly RowField[]): SchemaElement {
  return { name: 'schema', num_children: fields.length };
}

/** What the schema says of one field, without what is nested in it. */
export function elementOf(field: RowField): SchemaElement {
  return {
    ...typeOf(field.type),
    name: field.name,
    repetition_type: field.nullable ? 'OPTIONAL' : 'REQUIRED',
  };
}

function typeOf(type: RowType): Omit<SchemaElement, 'name'> {
  switch (type.kind) {
    case 'boolean':
      return { type: 'BOOLEAN' };
    case 'int32':
      return { type: 'INT32' };
    case 'int64':
      return { type: 'INT64' };
    case 'float32':
      return { type: 'FLOAT' };
    case 'float64':
      return { type: 'DOUBLE' };
    case 'bytes':
      return { type: 'BYTE_ARRAY' };
    case 'string':
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
    case 'json':
      return { type: 'BYTE_ARRAY', converted_type: 'JSON', logical_type: { type: 'JSON' } };
    case 'date':
      return { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } };
    case 'timestamp':
      return type.unit === 'ms'
        ? { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', logical_type: timestamp('MILLIS') }
        : { type: 'INT64', converted_type: 'TIMESTAMP_MICROS', logical_type: timestamp('MICROS') };
    case 'decimal':
      return {
        ...decimalStorage(type.precision),
        converted_type: 'DECIMAL',
        precision: type.precision,
        scale: type.scale,
        logical_type: { type: 'DECIMAL', precision: type.precision, scale: type.scale },
      };
    case 'list':
      return { converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 };
    case 'struct':
      return { num_children: type.fields.length };
  }
}

function timestamp(unit: 'MILLIS' | 'MICROS') {
  return { type: 'TIMESTAMP', isAdjustedToUTC: true, unit } as const;
}

function decimalStorage(precision: number): Pick<SchemaElement, 'type' | 'type_length'> {
  if (precision <= DIGITS_INT32) return { type: 'INT32' };
  if (precision <= DIGITS_INT64) return { type: 'INT64' };
  const bits = (10n ** BigInt(precision)).toString(2).length + 1;
  return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: Math.ceil(bits / 8) };
}
