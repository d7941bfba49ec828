import type { RowField, RowType } from './row-schema.ts';
import { isMap, SchemaProblem } from './schema-problem.ts';

type Schema = Record<string, unknown>;

interface Place {
  readonly path: string;
  /** The references that led here. */
  readonly through: readonly string[];
}

interface Read {
  readonly type: RowType;
  readonly nullable: boolean;
}

/** The properties of a JSON Schema of an object, as rows hold them. Throws `SchemaProblem` for what they cannot hold. */
export function fieldsOfJsonSchema(root: Schema): RowField[] {
  const { type } = new JsonSchemaReader(root).read(root, { path: '', through: [] });
  if (type.kind !== 'struct') throw new SchemaProblem('', 'expected an object with properties');
  return [...type.fields];
}

class JsonSchemaReader {
  readonly #root: Schema;

  constructor(root: Schema) {
    this.#root = root;
  }

  read(schema: unknown, place: Place): Read {
    if (schema === true) return { type: { kind: 'json' }, nullable: true };
    if (!isMap(schema)) throw new SchemaProblem(place.path, 'expected a schema: a map');
    const { $ref, anyOf, oneOf, allOf, type } = schema;
    if (typeof $ref === 'string') return this.#reference($ref, place);
    if (allOf !== undefined)
      throw new SchemaProblem(place.path, 'allOf is not read; write the properties in one place');
    const choices = anyOf ?? oneOf;
    if (Array.isArray(choices)) return this.#choice(choices, place);
    if (Array.isArray(type))
      return this.#choice(
        type.map((one: unknown) => ({ ...schema, type: one })),
        place,
      );
    return this.#typed(schema, place);
  }

  #reference(reference: string, place: Place): Read {
    if (!reference.startsWith('#')) throw new SchemaProblem(place.path, `${reference} is not inside this schema`);
    if (place.through.includes(reference)) throw new SchemaProblem(place.path, `${reference} contains itself`);
    let target: unknown = this.#root;
    for (const step of reference.split('/').slice(1)) {
      const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
      target = isMap(target) && Object.hasOwn(target, key) ? target[key] : undefined;
    }
    if (target === undefined) throw new SchemaProblem(place.path, `${reference} leads nowhere`);
    return this.read(target, { ...place, through: [...place.through, reference] });
  }

  #choice(choices: readonly unknown[], place: Place): Read {
    const rest = choices.filter((choice) => !(isMap(choice) && choice.type === 'null'));
    if (rest.length !== 1)
      throw new SchemaProblem(
        place.path,
        'a column is null or of one type, not of several; a column of type json holds it',
      );
    const { type, nullable } = this.read(rest[0], place);
    return { type, nullable: nullable || rest.length < choices.length };
  }

  #typed(schema: Schema, place: Place): Read {
    switch (schema.type) {
      case 'boolean':
        return { type: { kind: 'boolean' }, nullable: false };
      case 'integer':
        return { type: { kind: 'int64' }, nullable: false };
      case 'number':
        return { type: { kind: 'float64' }, nullable: false };
      case 'string':
        return { type: stringType(schema), nullable: false };
      case 'array': {
        const items = this.read(schema.items ?? true, { ...place, path: `${place.path}[]` });
        return { type: { kind: 'list', items: { name: 'item', ...items } }, nullable: false };
      }
      case 'object':
        return { type: this.#object(schema, place), nullable: false };
      case undefined:
        if (isMap(schema.properties)) return { type: this.#object(schema, place), nullable: false };
        if (schema.enum === undefined && schema.const === undefined) return { type: { kind: 'json' }, nullable: true };
        throw new SchemaProblem(place.path, 'enum and const need a type beside them');
      default:
        throw new SchemaProblem(place.path, `unknown type ${JSON.stringify(schema.type)}`);
    }
  }

  #object(schema: Schema, place: Place): RowType {
    const { properties, required } = schema;
    if (!isMap(properties) || Object.keys(properties).length === 0) return { kind: 'json' };
    const needed = new Set(Array.isArray(required) ? required : []);
    return {
      kind: 'struct',
      fields: Object.entries(properties).map(([name, property]) => {
        const path = place.path === '' ? name : `${place.path}.${name}`;
        const { type, nullable } = this.read(property, { ...place, path });
        return { name, type, nullable: nullable || !needed.has(name) };
      }),
    };
  }
}

function stringType({ format, contentEncoding }: Schema): RowType {
  if (format === 'date-time') return { kind: 'timestamp', unit: 'ms' };
  if (format === 'date') return { kind: 'date' };
  return { kind: contentEncoding === 'base64' ? 'bytes' : 'string' };
}
