import { isMap, SchemaProblem } from '../formats/schema-problem.ts';
import { type AvroInput, ValueProblem } from './avro-input.ts';
import { bytesConversion, intConversion, longConversion, plainDouble } from './avro-logical.ts';

/** Reads one value of a schema. */
export type ReadValue = (input: AvroInput) => unknown;

export interface NamedSchema {
  readonly name: string;
  readonly schema: unknown;
}

interface AvroType {
  readonly read: ReadValue;
  /** The fewest bytes of a value. */
  readonly bytesMin: number;
}

interface Named {
  /** Undefined while its own definition is being read. */
  type: AvroType | undefined;
}

interface Place {
  readonly path: string;
  readonly namespace: string;
  readonly depth: number;
}

const SCHEMA_DEPTH_MAX = 128;
const OUTERMOST = { namespace: '', depth: 0 };
const base64 = (bytes: Buffer) => bytes.toString('base64');

const PRIMITIVES: Readonly<Record<string, (schema: Record<string, unknown>) => AvroType>> = {
  null: () => ({ bytesMin: 0, read: () => null }),
  boolean: () => ({ bytesMin: 1, read: (input) => input.boolean() }),
  int: (schema) => converted(1, (input) => input.int(), intConversion(schema)),
  long: (schema) => converted(1, (input) => input.long(), longConversion(schema)),
  float: () => ({ bytesMin: 4, read: (input) => plainDouble(input.float()) }),
  double: () => ({ bytesMin: 8, read: (input) => plainDouble(input.double()) }),
  bytes: (schema) => converted(1, (input) => input.sizedBytes(), bytesConversion(schema) ?? base64),
  string: () => ({ bytesMin: 1, read: (input) => input.string() }),
};

/**
 * Compiles a schema to a reader; `references` are schemas whose names it uses, each behind those whose names it uses itself.
 * Throws `SchemaProblem` with the path of what is no Avro.
 */
export function compileAvro(schema: unknown, references: readonly NamedSchema[] = []): ReadValue {
  const compiler = new Compiler();
  for (const { name, schema: referenced } of references) compiler.type(referenced, { path: name, ...OUTERMOST });
  const { read } = compiler.type(schema, { path: '', ...OUTERMOST });
  if (!isBytes(schema)) return read;
  // What is nothing but bytes is written without their length by Confluent's serializers.
  const convert = (isMap(schema) ? bytesConversion(schema) : undefined) ?? base64;
  return (input) => convert(input.bytes(input.left));
}

function isBytes(schema: unknown): boolean {
  return schema === 'bytes' || (isMap(schema) && schema.type === 'bytes');
}

class Compiler {
  readonly #named = new Map<string, Named>();

  type(schema: unknown, place: Place): AvroType {
    if (place.depth > SCHEMA_DEPTH_MAX)
      throw new SchemaProblem('', `more than ${SCHEMA_DEPTH_MAX} types inside each other`);
    const inner = { ...place, depth: place.depth + 1 };
    if (typeof schema === 'string') return this.#reference(schema, place);
    if (Array.isArray(schema)) return union(schema.map((branch) => this.type(branch, inner)));
    if (!isMap(schema)) throw new SchemaProblem(place.path, 'expected a type: a name, a map or a list');
    const { type } = schema;
    switch (type) {
      case 'record':
      case 'error':
        return this.#define(schema, place, (namespace) => this.#record(schema, { ...inner, namespace }));
      case 'enum':
        return this.#define(schema, place, () => enumeration(schema, place));
      case 'fixed':
        return this.#define(schema, place, () => fixed(schema, place));
      case 'array':
        return array(this.type(schema.items, { ...inner, path: `${place.path}[]` }));
      case 'map':
        return map(this.type(schema.values, { ...inner, path: `${place.path}{}` }));
      default:
        if (typeof type === 'string' && Object.hasOwn(PRIMITIVES, type)) return primitive(type, schema);
        return this.type(type, inner);
    }
  }

  #reference(name: string, { path, namespace }: Place): AvroType {
    if (Object.hasOwn(PRIMITIVES, name)) return primitive(name, {});
    const qualified = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    const named = this.#named.get(qualified) ?? this.#named.get(name);
    if (named === undefined) throw new SchemaProblem(path, `unknown type ${name}`);
    return named.type ?? itself(named);
  }

  #define(schema: Record<string, unknown>, place: Place, make: (namespace: string) => AvroType): AvroType {
    const { name, namespace: own } = schema;
    if (typeof name !== 'string' || name === '')
      throw new SchemaProblem(place.path, `a ${String(schema.type)} without a name`);
    const dot = name.lastIndexOf('.');
    const namespace = dot >= 0 ? name.slice(0, dot) : typeof own === 'string' ? own : place.namespace;
    const full = dot >= 0 || namespace === '' ? name : `${namespace}.${name}`;
    if (this.#named.has(full)) throw new SchemaProblem(place.path, `a second type ${full}`);
    const named: Named = { type: undefined };
    this.#named.set(full, named);
    const type = make(namespace);
    named.type = type;
    return type;
  }

  #record({ fields }: Record<string, unknown>, place: Place): AvroType {
    if (!Array.isArray(fields)) throw new SchemaProblem(place.path, 'a record without fields');
    const read = fields.map((field: unknown) => {
      if (!isMap(field) || typeof field.name !== 'string')
        throw new SchemaProblem(place.path, 'a field without a name');
      const path = place.path === '' ? field.name : `${place.path}.${field.name}`;
      return { name: field.name, type: this.type(field.type, { ...place, path }) };
    });
    const names = read.map(({ name }) => name);
    if (new Set(names).size < names.length) throw new SchemaProblem(place.path, 'two fields of one name');
    return record(
      names,
      read.map(({ type }) => type),
    );
  }
}

function primitive(name: string, schema: Record<string, unknown>): AvroType {
  return (PRIMITIVES[name] as (typeof PRIMITIVES)[string])(schema);
}

function converted<T>(bytesMin: number, read: (input: AvroInput) => T, convert?: (value: T) => unknown): AvroType {
  return { bytesMin, read: convert === undefined ? read : (input) => convert(read(input)) };
}

/** A type inside of its own definition: the only way to values of any depth. */
function itself(named: Named): AvroType {
  const defined = () => named.type as AvroType;
  return {
    get bytesMin() {
      return named.type?.bytesMin ?? 0;
    },
    read: (input) => {
      input.enter();
      const value = defined().read(input);
      input.leave();
      return value;
    },
  };
}

function record(names: readonly string[], types: readonly AvroType[]): AvroType {
  const readers = types.map(({ read }) => read);
  const count = names.length;
  const put = names.includes('__proto__') ? setOwn : setPlain;
  return {
    bytesMin: types.reduce((sum, { bytesMin }) => sum + bytesMin, 0),
    read: (input) => {
      const map: Record<string, unknown> = {};
      let index = 0;
      try {
        for (; index < count; index++) put(map, names[index] as string, (readers[index] as ReadValue)(input));
      } catch (error) {
        if (error instanceof ValueProblem) error.path.unshift(names[index] as string);
        throw error;
      }
      return map;
    },
  };
}

function enumeration({ symbols }: Record<string, unknown>, { path }: Place): AvroType {
  if (!Array.isArray(symbols) || symbols.some((symbol) => typeof symbol !== 'string'))
    throw new SchemaProblem(path, 'an enum without symbols');
  return {
    bytesMin: 1,
    read: (input) => {
      const index = input.int();
      return symbols[index] ?? input.fail(`symbol ${index} of an enum of ${symbols.length}`);
    },
  };
}

function fixed(schema: Record<string, unknown>, { path }: Place): AvroType {
  const size = schema.size as number;
  if (!Number.isSafeInteger(size) || size < 0) throw new SchemaProblem(path, 'a fixed without a size');
  return converted(size, (input) => input.bytes(size), bytesConversion(schema) ?? base64);
}

function union(branches: readonly AvroType[]): AvroType {
  const readers = branches.map(({ read }) => read);
  return {
    bytesMin: 1 + (branches.length === 0 ? 0 : Math.min(...branches.map(({ bytesMin }) => bytesMin))),
    read: (input) => {
      const index = input.int();
      const read = readers[index];
      return read === undefined ? input.fail(`branch ${index} of a union of ${readers.length}`) : read(input);
    },
  };
}

function array(items: AvroType): AvroType {
  const { read } = items;
  return {
    bytesMin: 1,
    read: (input) => {
      const list: unknown[] = [];
      for (let count = input.blockCount(items.bytesMin); count > 0; count = input.blockCount(items.bytesMin))
        for (; count > 0; count--) list.push(read(input));
      return list;
    },
  };
}

function map(values: AvroType): AvroType {
  const { read } = values;
  return {
    bytesMin: 1,
    read: (input) => {
      const entries: Record<string, unknown> = {};
      for (let count = input.blockCount(1 + values.bytesMin); count > 0; count = input.blockCount(1 + values.bytesMin))
        for (; count > 0; count--) setOwn(entries, input.string(), read(input));
      return entries;
    },
  };
}

type Put = (map: Record<string, unknown>, key: string, value: unknown) => void;

const setPlain: Put = (map, key, value) => {
  map[key] = value;
};

/** As `JSON.parse` does it: an assignment to this one name would set the prototype. */
const setOwn: Put = (map, key, value) => {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  else map[key] = value;
};
