import { unreachable } from '../../core/spi.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { RowField, RowType, RowValue } from './row-schema.ts';

/** Writes one value in Avro's binary encoding. */
export type WriteValue = (value: RowValue, out: ByteWriter) => void;

/** The branches of `["null", type]`, zig-zag. */
const NULL_BRANCH = 0;
const VALUE_BRANCH = 2;
const END_OF_ARRAY = 0;

export function fieldWriter({ type, nullable }: Pick<RowField, 'type' | 'nullable'>): WriteValue {
  const write = valueWriter(type);
  if (!nullable) return write;
  return (value, out) => {
    if (value === null) return out.byte(NULL_BRANCH);
    out.byte(VALUE_BRANCH);
    write(value, out);
  };
}

function valueWriter(type: RowType): WriteValue {
  switch (type.kind) {
    case 'boolean':
      return (value, out) => out.byte(value === true ? 1 : 0);
    case 'int32':
    case 'int64':
    case 'date':
    case 'timestamp':
      return (value, out) => out.zigzag(value as number | bigint);
    case 'float32':
      return (value, out) => out.float32(value as number);
    case 'float64':
      return (value, out) => out.float64(value as number);
    case 'string':
    case 'json':
      return (value, out) => out.sizedText(value as string);
    case 'bytes':
      return (value, out) => out.sizedBytes(value as Uint8Array);
    case 'decimal':
      return (value, out) => out.sizedBytes(twosComplement(value as bigint));
    case 'list': {
      const write = fieldWriter(type.items);
      return (value, out) => {
        const items = value as readonly RowValue[];
        if (items.length > 0) out.zigzag(items.length);
        for (const item of items) write(item, out);
        out.byte(END_OF_ARRAY);
      };
    }
    case 'struct': {
      const writers = type.fields.map(fieldWriter);
      return (value, out) => {
        const values = value as readonly RowValue[];
        for (let index = 0; index < writers.length; index++)
          (writers[index] as WriteValue)(values[index] as RowValue, out);
      };
    }
    default:
      return unreachable(type);
  }
}

/** The fewest big-endian bytes that hold the number with its sign. */
function twosComplement(value: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(length * 8, value) !== value) length++;
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let index = length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
