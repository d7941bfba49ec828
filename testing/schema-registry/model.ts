export interface ModelAnswer {
  readonly status: number;
  readonly text: string;
}

export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

export interface Registration {
  readonly subject: string;
  /** Its text, or what becomes it. */
  readonly schema: unknown;
  /** Avro when left out, and so does the registry. */
  readonly type?: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly references?: readonly SchemaReference[];
}

interface Registered {
  readonly id: number;
  readonly subject: string;
  readonly version: number;
  readonly facts: object;
}

/** The schemas of a registry, and its answers to GET. It checks nothing, so that it may hold what a registry should not. */
export class RegistryModel {
  readonly #registered: Registered[] = [];
  #idNext: number;

  constructor({ firstId = 1 }: { firstId?: number } = {}) {
    this.#idNext = firstId;
  }

  /** The id of a new version of the subject. */
  register({ subject, schema, type = 'AVRO', references = [] }: Registration): number {
    const id = this.#idNext++;
    const version = this.#registered.filter((other) => other.subject === subject).length + 1;
    const text = typeof schema === 'string' ? schema : JSON.stringify(schema);
    const facts = {
      schema: text,
      ...(type === 'AVRO' ? {} : { schemaType: type }),
      ...(references.length === 0 ? {} : { references }),
    };
    this.#registered.push({ id, subject, version, facts });
    return id;
  }

  /** To a path such as `/schemas/ids/7` or `/subjects/clicks-value/versions/1`. */
  answer(path: string): ModelAnswer {
    const [, first, second, third, fourth, more] = path.split('/').map(decodeURIComponent);
    if (first === 'schemas' && second === 'ids' && fourth === undefined) return this.#byId(Number(third));
    if (first === 'subjects' && third === 'versions' && second !== undefined && more === undefined)
      return this.#byVersion(second, Number(fourth));
    return no(404, 404, 'HTTP 404 Not Found');
  }

  #byId(id: number): ModelAnswer {
    const found = this.#registered.find((one) => one.id === id);
    return found === undefined ? no(404, 40_403, `Schema ${id} not found`) : yes(found.facts);
  }

  #byVersion(subject: string, version: number): ModelAnswer {
    const versions = this.#registered.filter((one) => one.subject === subject);
    if (versions.length === 0) return no(404, 40_401, `Subject '${subject}' not found.`);
    const found = versions.find((one) => one.version === version);
    if (found === undefined) return no(404, 40_402, `Version ${version} not found.`);
    return yes({ subject, version, id: found.id, ...found.facts });
  }
}

function yes(facts: object): ModelAnswer {
  return { status: 200, text: JSON.stringify(facts) };
}

function no(status: number, code: number, message: string): ModelAnswer {
  return { status, text: JSON.stringify({ error_code: code, message }) };
}
