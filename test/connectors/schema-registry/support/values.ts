import { compileAvro } from '../../../../connectors/schema-registry/avro-compile.ts';
import { AvroInput } from '../../../../connectors/schema-registry/avro-input.ts';

export const AT = { topic: 'clicks', partition: 3, offset: 12 };

/** A value behind the prefix of Confluent's wire format. */
export function prefixed(schemaId: number, body: Uint8Array | string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(schemaId, 1);
  return Buffer.concat([prefix, Buffer.from(body as string)]);
}

/** One value of a schema, read to its end. */
export function readAvro(schema: unknown, bytes: Uint8Array | readonly number[]): unknown {
  const input = new AvroInput();
  input.begin(Buffer.from(bytes as Uint8Array), 0);
  const value = compileAvro(schema)(input);
  if (input.left > 0) input.fail(`${input.left} bytes behind the value`);
  return value;
}

/** A long by its definition: zig-zag, then seven bits a byte. */
export function longBytes(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}
