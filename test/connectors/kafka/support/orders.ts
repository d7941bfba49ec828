import avro from 'avsc';
import { prefixed } from '../../schema-registry/support/values.ts';

/** As a producer registers it; both of its versions are in the topic. */
export const ORDER_1 = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'shop', type: 'string' },
    { name: 'note', type: ['null', 'string'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'items', type: { type: 'array', items: 'int' } },
  ],
} satisfies avro.Schema;
export const ORDER_2 = {
  ...ORDER_1,
  fields: [...ORDER_1.fields, { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['NEW', 'OLD'] } }],
} satisfies avro.Schema;

/** avsc itself is not exact beyond 2^52. */
const bigLong = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const [FIRST, SECOND] = [ORDER_1, ORDER_2].map((schema) =>
  avro.Type.forSchema(structuredClone(schema) as avro.Schema, { registry: { long: bigLong } }),
) as [avro.Type, avro.Type];

/** Beyond what a double holds. */
const ID_FIRST = 9_007_199_254_740_993n;
/** The first one of the newer schema. */
export const NEWER_FROM = 1_002;
const SHOPS = ['basel', 'zürich', 'a/b'];
const AT_MS = 1_700_000_000_000;

/** Order `n`, written by avsc behind the id of one of both schemas, and the JSON that it is. */
export function order(n: number, [firstId, secondId]: readonly [number, number]): { bytes: Buffer; json: string } {
  const isNewer = n >= NEWER_FROM && n % 3 === 0;
  const plain = {
    id: ID_FIRST + BigInt(n) * 2n,
    shop: SHOPS[n % SHOPS.length] as string,
    note: n % 4 === 0 ? null : `line ${n}\nnext "line"`,
    at: AT_MS + n,
    items: [n % 7, -n],
  };
  const bytes = isNewer ? SECOND.toBuffer({ ...plain, kind: 'NEW' }) : FIRST.toBuffer(plain);
  const { id, at, ...rest } = plain;
  const head = `{"id":${id},"shop":${JSON.stringify(rest.shop)},"note":${JSON.stringify(rest.note)}`;
  const time = new Date(at).toISOString();
  const kind = isNewer ? ',"kind":"NEW"' : '';
  return {
    bytes: prefixed(isNewer ? secondId : firstId, bytes),
    json: `${head},"at":"${time}","items":${JSON.stringify(rest.items)}${kind}}`,
  };
}

export const shopOf = (n: number) => SHOPS[n % SHOPS.length] as string;
export const idOf = (n: number) => String(ID_FIRST + BigInt(n) * 2n);
