import { unreachable } from '../../core/spi.ts';
import { parseDate, parseTimestamp } from './calendar.ts';
import { isRawNumber } from './exact-json.ts';
import { parseDecimal, parseInt64 } from './numbers.ts';
import type { FormatRecord } from './part-encoder.ts';
import { describeFound, rejectedRecord } from './record-problem.ts';
import type { RowField, RowType, RowValue } from './row-schema.ts';
import { formatRowType } from './row-type.ts';

/**
 * Makes a value of a column's type from what `JSON.parse` gave; missing is undefined. Throws `rejected`. Where digits count
 * beyond int64 (`needsDigits`), what may round was parsed by `parseExactly`.
 */
export type Coerce = (value: unknown, record: FormatRecord) => RowValue;

/** Thrown when a double may have lost digits of an int64: the record is parsed again by `parseExactly`. */
export const NEEDS_EXACT = new Error('a number needs its exact text');

/** `place` is the path of the value for messages. */
export function coercer({ type, nullable }: Pick<RowField, 'type' | 'nullable'>, place: string): Coerce {
  const coerce = present(type, place);
  if (nullable) return (value, record) => (value === undefined || value === null ? null : coerce(value, record));
  return (value, record) => {
    if (value === undefined || value === null) throw missing(record, place, value);
    return coerce(value, record);
  };
}

/** Whether a column of this type holds digits that a double may not, so that texts are looked through for them first. */
export function needsDigits(type: RowType): boolean {
  if (type.kind === 'list') return needsDigits(type.items.type);
  if (type.kind === 'struct') return type.fields.some((field) => needsDigits(field.type));
  return type.kind === 'json' || type.kind === 'decimal';
}

/** Takes any JSON: strings as they are, the rest as its text. */
export function textCoercer(nullable: boolean, place: string): Coerce {
  return (value, record) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (value !== undefined && value !== null) return JSON.stringify(value);
    if (nullable) return null;
    throw missing(record, place, value);
  };
}

export function missing(record: FormatRecord, place: string, value: unknown): Error {
  return rejectedRecord(record, 'ROW_VALUE_MISSING', {
    what: `has ${value === null ? 'null' : 'nothing'} at ${place}, which is never null`,
    help: 'Give the column nullable: true, or mend the producer.',
    details: { path: place },
  });
}

export function mismatch(record: FormatRecord, place: string, expected: string, value: unknown): Error {
  const found = describeFound(value);
  return rejectedRecord(record, 'ROW_TYPE_MISMATCH', {
    what: `has ${found} at ${place}, where ${expected} is expected`,
    help: 'Give the column another type (json takes anything), or mend the producer.',
    details: { path: place, expected, found },
  });
}

/** An object of JSON; a number that was left as text is none. */
export function isJsonMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** Reads the own property `key` of an object that JSON.parse made, and gives it to `coerce`. */
export function keyReader(
  key: string,
  coerce: Coerce,
): (map: Readonly<Record<string, unknown>>, record: FormatRecord) => RowValue {
  // Only names of Object.prototype can be inherited by it, and asking for ownership costs.
  if (key in Object.prototype) return (map, record) => coerce(Object.hasOwn(map, key) ? map[key] : undefined, record);
  return (map, record) => coerce(map[key], record);
}

function present(type: RowType, place: string): Coerce {
  const wrong = (record: FormatRecord, value: unknown) => mismatch(record, place, formatRowType(type), value);
  switch (type.kind) {
    case 'boolean':
      return (value, record) => {
        if (typeof value === 'boolean') return value;
        throw wrong(record, value);
      };
    case 'int32':
      return (value, record) => {
        const number = typeof value === 'string' ? parseInt64(value) : asNumber(value);
        if (typeof number === 'number' && (number | 0) === number) return number | 0;
        throw wrong(record, value);
      };
    case 'int64':
      return (value, record) => {
        if (Number.isSafeInteger(value)) return (value as number) + 0;
        if (Number.isInteger(value)) throw NEEDS_EXACT;
        const number = parseInt64(exactText(value) ?? '');
        if (number !== undefined) return number;
        throw wrong(record, value);
      };
    case 'float32':
      return (value, record) => {
        const number = asNumber(value);
        if (number !== undefined && Number.isFinite(Math.fround(number))) return number;
        throw wrong(record, value);
      };
    case 'float64':
      return (value, record) => {
        const number = asNumber(value);
        if (number !== undefined && Number.isFinite(number)) return number;
        throw wrong(record, value);
      };
    case 'decimal': {
      const { precision, scale } = type;
      return (value, record) => {
        const unscaled = parseDecimal(exactText(value) ?? '', precision, scale);
        if (unscaled !== undefined) return unscaled;
        throw wrong(record, value);
      };
    }
    case 'string':
      return (value, record) => {
        if (typeof value === 'string') return value;
        throw wrong(record, value);
      };
    case 'json':
      return (value) => JSON.stringify(value);
    case 'bytes':
      return (value, record) => {
        const bytes = typeof value === 'string' ? fromBase64(value) : undefined;
        if (bytes !== undefined) return bytes;
        throw mismatch(record, place, 'bytes as base64', value);
      };
    case 'date':
      return (value, record) => {
        const days = typeof value === 'string' ? parseDate(value) : asNumber(value);
        if (days !== undefined && (days | 0) === days) return days | 0;
        throw mismatch(record, place, 'a date such as 2024-02-29, or days since 1970,', value);
      };
    case 'timestamp': {
      const { unit } = type;
      const expected = `a ${formatRowType(type)} such as 2024-02-29T12:00:00Z, or ${unit} since 1970,`;
      return (value, record) => {
        const time = typeof value === 'string' ? parseTimestamp(value, unit) : asNumber(value);
        if (time !== undefined && Number.isSafeInteger(time)) return time + 0;
        throw mismatch(record, place, expected, value);
      };
    }
    case 'list': {
      const item = coercer(type.items, `${place}[]`);
      return (value, record) => {
        if (Array.isArray(value)) return value.map((one: unknown) => item(one, record));
        throw wrong(record, value);
      };
    }
    case 'struct': {
      const fields = type.fields.map((field) => keyReader(field.name, coercer(field, `${place}.${field.name}`)));
      return (value, record) => {
        if (isJsonMap(value)) return fields.map((read) => read(value, record));
        throw wrong(record, value);
      };
    }
    default:
      return unreachable(type);
  }
}

/** The text of a number, or of a string that may be one; undefined for what is neither. */
function exactText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return isRawNumber(value) ? value.rawJSON : undefined;
}

function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return isRawNumber(value) ? Number(value.rawJSON) : undefined;
}

/** Undefined for what is no base64, with padding; both alphabets are read. */
function fromBase64(text: string): Buffer | undefined {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = Buffer.from(text, 'base64');
  return text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding ? bytes : undefined;
}
