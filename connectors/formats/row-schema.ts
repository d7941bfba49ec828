/** Types of columns that every columnar format can hold. */
export type RowType =
  | { readonly kind: 'boolean' | 'int32' | 'int64' | 'float32' | 'float64' | 'string' | 'bytes' | 'date' }
  /** Any JSON, held as its text. */
  | { readonly kind: 'json' }
  | { readonly kind: 'timestamp'; readonly unit: 'ms' | 'us' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly items: RowField }
  | { readonly kind: 'struct'; readonly fields: readonly RowField[] };

export interface RowField {
  readonly name: string;
  readonly type: RowType;
  readonly nullable: boolean;
}

/** What is known of a record beside its value. */
export type MetaName = 'topic' | 'partition' | 'offset' | 'timestamp' | 'key' | 'headers';

/** Where a column's values come from: a path into the record's JSON value, or what is known beside it. */
export type ColumnSource =
  | {
      /** The keys from the outside in; none is the value as a whole. */
      readonly path: readonly string[];
      /** Of a `string`: takes any JSON, strings as they are and the rest as its text. */
      readonly anyAsText?: true;
    }
  | { readonly meta: MetaName };

export interface Column extends RowField {
  readonly from: ColumnSource;
}

/**
 * A value as a column holds it, checked against its type: `int32`, `float32`, `float64`, `date` (days since 1970-01-01) and
 * `timestamp` (of its unit since 1970, UTC) are numbers; `int64` is a number where that is exact, else a bigint; `decimal` is
 * the unscaled bigint; `string` and `json` are strings; `bytes` is a Uint8Array; a `list` is an array and a `struct` an array
 * of its fields in order. Null only where the field is nullable.
 */
export type RowValue = null | boolean | number | bigint | string | Uint8Array | readonly RowValue[];
