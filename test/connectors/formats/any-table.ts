import fc from 'fast-check';
import { formatDecimal } from '../../../connectors/formats/numbers.ts';
import type { Column, RowField, RowType } from '../../../connectors/formats/row-schema.ts';

const { type: anyType } = fc.letrec<{ type: RowType; field: RowField }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc
      .constantFrom('boolean', 'int32', 'int64', 'float32', 'float64', 'string', 'bytes', 'date', 'json')
      .map((kind) => ({ kind }) as RowType),
    fc.constantFrom('ms', 'us').map((unit) => ({ kind: 'timestamp', unit }) as const),
    fc.nat(37).chain((most) => fc.nat(most).map((scale) => ({ kind: 'decimal', precision: most + 1, scale }) as const)),
    tie('field').map((items) => ({ kind: 'list', items: { ...items, name: 'item' } }) as const),
    fc
      .array(tie('field'), { minLength: 1, maxLength: 4 })
      .map(
        (fields) =>
          ({ kind: 'struct', fields: fields.map((field, index) => ({ ...field, name: `f${index}` })) }) as const,
      ),
  ),
  field: fc.record({ name: fc.constant(''), type: tie('type'), nullable: fc.boolean() }),
}));

/** JSON text of values that a field can hold. */
function jsonFor({ type, nullable }: Pick<RowField, 'type' | 'nullable'>): fc.Arbitrary<string> {
  const present = jsonOf(type);
  return nullable ? fc.oneof({ arbitrary: present, weight: 4 }, fc.constant('null')) : present;
}

function jsonOf(type: RowType): fc.Arbitrary<string> {
  const quoted = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text.toWellFormed()));
  switch (type.kind) {
    case 'boolean':
      return fc.boolean().map(String);
    case 'int32':
    case 'date':
      return fc.integer().map(String);
    case 'int64':
      return fc.oneof(fc.integer().map(String), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String));
    case 'float32':
      return fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value));
    case 'float64':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value));
    case 'string':
      return quoted;
    case 'json':
      return fc.json().filter((text) => text !== 'null');
    case 'bytes':
      return fc.uint8Array().map((bytes) => `"${Buffer.from(bytes).toString('base64')}"`);
    case 'timestamp':
      return fc.maxSafeInteger().map(String);
    case 'decimal': {
      const max = 10n ** BigInt(type.precision) - 1n;
      return fc.bigInt({ min: -max, max }).map((unscaled) => formatDecimal(unscaled, type.scale));
    }
    case 'list':
      return fc.array(jsonFor(type.items), { maxLength: 5 }).map((items) => `[${items.join(',')}]`);
    case 'struct':
      return fc
        .tuple(...type.fields.map(jsonFor))
        .map((values) => `{${values.map((value, index) => `"f${index}":${value}`).join(',')}}`);
  }
}

/** Columns of any types, and JSON texts of values for them. */
export const anyTable = fc
  .array(fc.tuple(anyType, fc.boolean()), { minLength: 1, maxLength: 5 })
  .map((types): Column[] =>
    types.map(([type, nullable], index) => ({ name: `f${index}`, type, nullable, from: { path: [`f${index}`] } })),
  )
  .chain((columns) =>
    fc.tuple(
      fc.constant(columns),
      fc.array(jsonOf({ kind: 'struct', fields: columns }), { minLength: 1, maxLength: 20 }),
    ),
  );
