import fc from 'fast-check';
import { rawNumber } from '../../../../connectors/formats/exact-json.ts';

/** A schema with values: as avsc takes them (`wrapUnions: 'always'`), and as they are decoded. */
export interface AnyAvro {
  readonly schema: unknown;
  readonly values: readonly Both[];
}

interface Both {
  readonly written: unknown;
  readonly read: unknown;
}

type Tree =
  | { readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'bytes' }
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array' | 'map'; readonly inner: Tree }
  | { readonly kind: 'record'; readonly fields: readonly Tree[] }
  | { readonly kind: 'union'; readonly branches: readonly Tree[] };

/** From here on avsc is not exact. */
const EXACT_MAX = 2 ** 52 - 1;
const text = fc.string({ unit: 'grapheme' }).map((value) => value.toWellFormed());
const alike = (value: fc.Arbitrary<unknown>) => value.map((same): Both => ({ written: same, read: same }));
const binary = (bytes: fc.Arbitrary<Uint8Array>) =>
  bytes.map((value): Both => ({ written: Buffer.from(value), read: Buffer.from(value).toString('base64') }));
const floating = (value: fc.Arbitrary<number>) =>
  value.map((number): Both => ({ written: number, read: numeric(number) }));

function numeric(number: number): unknown {
  if (!Number.isFinite(number)) return String(number);
  if (!Number.isInteger(number) || Number.isSafeInteger(number)) return number;
  return rawNumber(Math.abs(number) < 1e21 ? String(BigInt(number)) : String(number));
}

const { tree: anyTree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc
      .constantFrom('null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes')
      .map((kind) => ({ kind }) as Tree),
    fc.nat(9).map((size) => ({ kind: 'fixed', size }) as const),
    fc
      .integer({ min: 1, max: 5 })
      .map((count) => ({ kind: 'enum', symbols: Array.from({ length: count }, (_, index) => `S${index}`) }) as const),
    fc.tuple(fc.constantFrom('array', 'map'), tie('tree')).map(([kind, inner]) => ({ kind, inner }) as Tree),
    fc.array(tie('tree'), { minLength: 1, maxLength: 4 }).map((fields) => ({ kind: 'record', fields }) as const),
    fc
      .uniqueArray(tie('tree'), { minLength: 1, maxLength: 4, selector: ({ kind }) => kind })
      .filter((branches) => branches.every(({ kind }) => kind !== 'union'))
      .map((branches) => ({ kind: 'union', branches }) as const),
  ),
}));

/** Names are places in the tree, so that none comes twice. */
function schemaOf(tree: Tree, name: string): unknown {
  switch (tree.kind) {
    case 'fixed':
      return { type: 'fixed', name, size: tree.size };
    case 'enum':
      return { type: 'enum', name, symbols: tree.symbols };
    case 'array':
      return { type: 'array', items: schemaOf(tree.inner, `${name}i`) };
    case 'map':
      return { type: 'map', values: schemaOf(tree.inner, `${name}v`) };
    case 'record':
      return {
        ...{ type: 'record', name },
        fields: tree.fields.map((field, index) => ({ name: `f${index}`, type: schemaOf(field, `${name}_${index}`) })),
      };
    case 'union':
      return tree.branches.map((branch, index) => schemaOf(branch, `${name}u${index}`));
    default:
      return tree.kind;
  }
}

function valuesFor(tree: Tree, name: string): fc.Arbitrary<Both> {
  switch (tree.kind) {
    case 'null':
      return alike(fc.constant(null));
    case 'boolean':
      return alike(fc.boolean());
    case 'int':
      return alike(fc.integer());
    case 'long':
      return alike(fc.oneof(fc.integer(), fc.integer({ min: -EXACT_MAX, max: EXACT_MAX })));
    case 'float':
      return floating(fc.float());
    case 'double':
      return floating(fc.double());
    case 'string':
      return alike(text);
    case 'bytes':
      return binary(fc.uint8Array());
    case 'fixed':
      return binary(fc.uint8Array({ minLength: tree.size, maxLength: tree.size }));
    case 'enum':
      return alike(fc.constantFrom(...tree.symbols));
    case 'array':
      return fc.array(valuesFor(tree.inner, `${name}i`), { maxLength: 4 }).map((items) => ({
        written: items.map(({ written }) => written),
        read: items.map(({ read }) => read),
      }));
    case 'map':
      return keyed(
        fc.uniqueArray(fc.tuple(text, valuesFor(tree.inner, `${name}v`)), { maxLength: 4, selector: ([key]) => key }),
      );
    case 'record':
      return keyed(
        fc.tuple(
          ...tree.fields.map((field, index) =>
            valuesFor(field, `${name}_${index}`).map((value) => [`f${index}`, value] as const),
          ),
        ),
      );
    case 'union':
      return fc.oneof(
        ...tree.branches.map((branch, index) =>
          valuesFor(branch, `${name}u${index}`).map(({ written, read }) => ({
            written: written === null ? null : { [branchName(branch, `${name}u${index}`)]: written },
            read,
          })),
        ),
      );
  }
}

function keyed(entries: fc.Arbitrary<readonly (readonly [string, Both])[]>): fc.Arbitrary<Both> {
  return entries.map((list) => ({
    written: Object.fromEntries(list.map(([key, { written }]) => [key, written])),
    read: Object.fromEntries(list.map(([key, { read }]) => [key, read])),
  }));
}

const branchName = ({ kind }: Tree, name: string) => (['fixed', 'enum', 'record'].includes(kind) ? name : kind);

/** Anything but bytes alone, which are written in a way of their own. */
export const anyAvro = anyTree
  .filter(({ kind }) => kind !== 'bytes')
  .chain((tree) =>
    fc.record({
      schema: fc.constant(schemaOf(tree, 'T')),
      values: fc.array(valuesFor(tree, 'T'), { minLength: 1, maxLength: 5 }),
    }),
  ) satisfies fc.Arbitrary<AnyAvro>;
