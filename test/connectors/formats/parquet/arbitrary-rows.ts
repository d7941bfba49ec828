// Any columns that Parquet files can have, and rows that fit them.
import fc from 'fast-check';
import type { Column, RowField, RowType, RowValue } from '../../../../connectors/formats/row-schema.ts';
import { exact } from './readers.ts';

export const FLAT_TYPES: readonly RowType[] = [
  ...(['boolean', 'int32', 'int64', 'float32', 'float64', 'string', 'bytes', 'date', 'json'] as const).map((kind) => ({
    kind,
  })),
  { kind: 'timestamp', unit: 'ms' },
  { kind: 'timestamp', unit: 'us' },
  ...[1, 9, 10, 18, 19, 38].map((precision) => ({ kind: 'decimal', precision, scale: precision >> 1 }) as const),
];

const { type: anyType } = fc.letrec<{ type: RowType; list: RowType; struct: RowType }>((tie) => ({
  type: fc.oneof({ maxDepth: 3 }, { arbitrary: fc.constantFrom(...FLAT_TYPES), weight: 4 }, tie('list'), tie('struct')),
  list: fc
    .record({ type: tie('type'), nullable: fc.boolean() })
    .map((items) => ({ kind: 'list', items: { name: 'item', ...items } })),
  struct: fc
    .array(fc.record({ type: tie('type'), nullable: fc.boolean() }), { minLength: 1, maxLength: 3 })
    .map((fields) => ({ kind: 'struct', fields: fields.map((field, index) => ({ name: `f${index}`, ...field })) })),
}));

const anyColumns: fc.Arbitrary<Column[]> = fc
  .array(fc.record({ type: anyType, nullable: fc.boolean() }), { minLength: 1, maxLength: 4 })
  .map((fields) => fields.map((field, index) => column(`c${index}`, field.type, field.nullable)));

/** Columns with rows of them. */
export const anyTable: fc.Arbitrary<{ columns: Column[]; rows: RowValue[][] }> = anyColumns.chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(fc.tuple(...columns.map(anyValue)), { minLength: 1, maxLength: 60 }),
  }),
);

export function column(name: string, type: RowType, nullable = true): Column {
  return { name, type, nullable, from: { path: [name] } };
}

/** Few different values as well as many: what repeats is stored differently. */
export function anyValue({ type, nullable }: Omit<RowField, 'name'>): fc.Arbitrary<RowValue> {
  const value = valueOfType(type);
  return nullable ? fc.option(value, { freq: 4 }) : value;
}

const MICROS_MAX = 10 ** 15;

function valueOfType(type: RowType): fc.Arbitrary<RowValue> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean();
    case 'int32':
      return fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)));
    case 'int64':
      return fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(exact), fc.integer({ min: 0, max: 3 }));
    case 'float32':
      return fc.oneof(fc.float(), fc.constantFrom(0, -0));
    case 'float64':
      return fc.oneof(fc.double(), fc.constantFrom(0, -0, 2.5));
    case 'string':
      return fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'a', 'żółć', '🦆'));
    case 'json':
      return fc.oneof(fc.json(), fc.constantFrom('null', '"text"', '{"a": [1]}'));
    case 'bytes':
      return fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array()));
    case 'date':
      return fc.integer({ min: -100_000_000, max: 100_000_000 });
    case 'timestamp':
      return fc.integer({ min: -MICROS_MAX, max: MICROS_MAX });
    case 'decimal': {
      const max = 10n ** BigInt(type.precision) - 1n;
      return fc.oneof(fc.bigInt({ min: -max, max }), fc.constantFrom(0n, -1n, max, -max));
    }
    case 'list':
      return fc.array(anyValue(type.items), { maxLength: 4 });
    case 'struct':
      return fc.tuple(...type.fields.map(anyValue));
  }
}
