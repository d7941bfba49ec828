import { isUtf8 } from 'node:buffer';
import {
  type Coerce,
  coercer,
  isJsonMap,
  keyReader,
  mismatch,
  NEEDS_EXACT,
  needsDigits,
  textCoercer,
} from './coerce.ts';
import { mayRound, parseExactly } from './exact-json.ts';
import { metaReader } from './meta-columns.ts';
import type { FormatRecord } from './part-encoder.ts';
import { rejectedRecord } from './record-problem.ts';
import type { Column, RowValue } from './row-schema.ts';

/** Reads the values of one record's columns, in their order. Throws `rejected` naming topic, partition, offset and path. */
export type RowReader = (record: FormatRecord) => RowValue[];

type JsonMap = Readonly<Record<string, unknown>>;
type ReadColumn = (map: JsonMap, record: FormatRecord, root: unknown) => RowValue;

const NOTHING: JsonMap = Object.freeze(Object.create(null));

/**
 * Compiles columns to a reader that parses a value once. A record without a value has null in every column of a path. Numbers
 * are exact for int64, decimal, json and text where the JSON text is; only then a value is parsed a second time.
 */
export function rowReader(columns: readonly Column[]): RowReader {
  const readers = columns.map(columnReader);
  const parses = columns.some(({ from }) => 'path' in from);
  const needsMap = columns.some(({ from }) => 'path' in from && from.path.length > 0);
  const keepsDigits = columns.some(({ from, type }) => 'path' in from && (from.anyAsText || needsDigits(type)));

  const readFrom = (root: unknown, record: FormatRecord): RowValue[] => {
    const map = root === null || !needsMap ? NOTHING : root;
    if (map !== NOTHING && !isJsonMap(map)) throw mismatch(record, 'its value', 'an object', root);
    const row: RowValue[] = new Array(readers.length);
    for (let index = 0; index < readers.length; index++)
      row[index] = (readers[index] as ReadColumn)(map as JsonMap, record, root);
    return row;
  };

  const readText = (text: string, record: FormatRecord): RowValue[] => {
    if (keepsDigits && mayRound(text)) return readFrom(parseExactly(text), record);
    try {
      return readFrom(JSON.parse(text), record);
    } catch (error) {
      if (error === NEEDS_EXACT) return readFrom(parseExactly(text), record);
      throw error;
    }
  };

  return (record) => {
    if (!parses || record.value === null) return readFrom(null, record);
    const text = textOf(record.value, record);
    try {
      return readText(text, record);
    } catch (error) {
      if (error instanceof SyntaxError) throw notJson(record, error.message, error);
      if (error instanceof RangeError) throw notJson(record, 'nested too deeply', error);
      throw error;
    }
  };
}

function columnReader({ from, ...field }: Column): ReadColumn {
  if ('meta' in from) {
    const read = metaReader(from.meta, field);
    return (_map, record) => read(record);
  }
  const place = from.path.length === 0 ? 'its value' : from.path.join('.');
  const coerce = from.anyAsText ? textCoercer(field.nullable, place) : coercer(field, place);
  const [first, ...rest] = from.path;
  if (first === undefined) return (_map, record, root) => coerce(root, record);
  return keyReader(first, innerReader(rest, first, coerce));
}

/** Goes on from what the first keys led to; nothing there is nothing at the end. */
function innerReader(path: readonly string[], place: string, coerce: Coerce): Coerce {
  const [key, ...rest] = path;
  if (key === undefined) return coerce;
  const read = keyReader(key, innerReader(rest, `${place}.${key}`, coerce));
  return (value, record) => {
    if (value === undefined || value === null) return coerce(undefined, record);
    if (!isJsonMap(value)) throw mismatch(record, place, 'an object', value);
    return read(value, record);
  };
}

function textOf(value: Buffer, record: FormatRecord): string {
  const text = value.toString();
  // What is no UTF-8 is decoded as U+FFFD; only where there is one, it has to be told from one that was written.
  if (text.includes('\uFFFD') && !isUtf8(value)) throw notJson(record, 'not UTF-8');
  return text;
}

function notJson(record: FormatRecord, why: string, cause?: unknown): Error {
  return rejectedRecord(record, 'ROW_NOT_JSON', {
    what: `has a value that is not JSON: ${why}`,
    help: 'Write this topic with format raw, or mend the producer.',
    cause,
  });
}
