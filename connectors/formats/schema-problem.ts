/** What a schema says that columns cannot hold, and where. */
export class SchemaProblem extends Error {
  /** The path of the field, for example `user.tags[]`; empty for the schema as a whole. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
