import type { RowField, RowType } from './row-schema.ts';
import { decimalType } from './row-type.ts';
import { isMap, SchemaProblem } from './schema-problem.ts';

interface Known {
  readonly schema: Record<string, unknown>;
  readonly namespace: string;
}

interface Place {
  readonly path: string;
  readonly namespace: string;
  /** The named types that this one is inside of. */
  readonly inside: readonly string[];
}

const PRIMITIVES: Readonly<Record<string, RowType['kind']>> = {
  boolean: 'boolean',
  int: 'int32',
  long: 'int64',
  float: 'float32',
  double: 'float64',
  string: 'string',
  bytes: 'bytes',
};

/** The fields of an Avro record, as rows hold them. Throws `SchemaProblem` with the path of what they cannot hold. */
export function fieldsOfAvro(schema: Record<string, unknown>): RowField[] {
  const reader = new AvroReader();
  const { type } = reader.read(schema, { path: '', namespace: '', inside: [] });
  if (type.kind !== 'struct') throw new SchemaProblem('', 'expected a record');
  return [...type.fields];
}

class AvroReader {
  readonly #known = new Map<string, Known>();

  read(schema: unknown, place: Place): { type: RowType; nullable: boolean } {
    if (Array.isArray(schema)) return this.#union(schema, place);
    return { type: this.#type(schema, place), nullable: false };
  }

  #union(branches: readonly unknown[], place: Place): { type: RowType; nullable: boolean } {
    const rest = branches.filter((branch) => branch !== 'null' && !(isMap(branch) && branch.type === 'null'));
    if (rest.length !== 1)
      throw new SchemaProblem(place.path, 'a union holds null and one other type; a column cannot be of several types');
    return { type: this.#type(rest[0], place), nullable: rest.length < branches.length };
  }

  #type(schema: unknown, place: Place): RowType {
    if (typeof schema === 'string') return this.#named(schema, place);
    if (!isMap(schema)) throw new SchemaProblem(place.path, 'expected a type: a name, a map or a list');
    const { type } = schema;
    switch (type) {
      case 'record':
        return this.#record(schema, place);
      case 'enum':
        this.#remember(schema, place);
        return { kind: 'string' };
      case 'fixed':
        this.#remember(schema, place);
        return logicalType(schema, 'bytes', place.path) ?? { kind: 'bytes' };
      case 'array': {
        const items = this.read(schema.items, { ...place, path: `${place.path}[]` });
        return { kind: 'list', items: { name: 'item', ...items } };
      }
      case 'map':
        throw new SchemaProblem(place.path, 'a map has no fixed fields; a column of type json holds it');
      default: {
        if (typeof type !== 'string') return this.#type(type, place);
        const plain = this.#named(type, place);
        return logicalType(schema, type, place.path) ?? plain;
      }
    }
  }

  #named(name: string, place: Place): RowType {
    if (Object.hasOwn(PRIMITIVES, name)) return { kind: PRIMITIVES[name] } as RowType;
    const qualified = name.includes('.') || place.namespace === '' ? name : `${place.namespace}.${name}`;
    const full = this.#known.has(qualified) ? qualified : name;
    const known = this.#known.get(full);
    if (known === undefined) throw new SchemaProblem(place.path, `unknown type ${name}`);
    if (place.inside.includes(full)) throw new SchemaProblem(place.path, `${name} contains itself`);
    return this.#type(known.schema, { ...place, namespace: known.namespace });
  }

  #record(schema: Record<string, unknown>, place: Place): RowType {
    const { full, namespace } = this.#remember(schema, place);
    const { fields } = schema;
    if (!Array.isArray(fields) || fields.length === 0) throw new SchemaProblem(place.path, 'a record without fields');
    return {
      kind: 'struct',
      fields: fields.map((field: unknown) => {
        if (!isMap(field) || typeof field.name !== 'string')
          throw new SchemaProblem(place.path, 'a field without a name');
        const path = place.path === '' ? field.name : `${place.path}.${field.name}`;
        return {
          name: field.name,
          ...this.read(field.type, { path, namespace, inside: [...place.inside, full] }),
        };
      }),
    };
  }

  #remember(schema: Record<string, unknown>, place: Place): { full: string; namespace: string } {
    const { name, namespace: own } = schema;
    if (typeof name !== 'string') throw new SchemaProblem(place.path, `a ${String(schema.type)} without a name`);
    const dot = name.lastIndexOf('.');
    const namespace = dot >= 0 ? name.slice(0, dot) : typeof own === 'string' ? own : place.namespace;
    const full = dot >= 0 || namespace === '' ? name : `${namespace}.${name}`;
    if (!place.inside.includes(full)) this.#known.set(full, { schema, namespace: place.namespace });
    return { full, namespace };
  }
}

/** A logical type that rows know; any other is what it is made of, as the Avro specification has it. */
function logicalType(schema: Record<string, unknown>, type: string, path: string): RowType | undefined {
  switch (`${String(schema.logicalType)} ${type}`) {
    case 'date int':
      return { kind: 'date' };
    case 'timestamp-millis long':
      return { kind: 'timestamp', unit: 'ms' };
    case 'timestamp-micros long':
      return { kind: 'timestamp', unit: 'us' };
    case 'decimal bytes': {
      const made = decimalType(Number(schema.precision), Number(schema.scale ?? 0));
      if ('problem' in made) throw new SchemaProblem(path, made.problem);
      return made.type;
    }
    default:
      return undefined;
  }
}
