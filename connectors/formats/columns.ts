import { z } from 'zod';
import { assert } from '../../core/spi.ts';
import { fieldsOfAvro } from './avro-schema.ts';
import { fieldsOfJsonSchema } from './json-schema.ts';
import type { Column, ColumnSource, MetaName, RowField, RowType } from './row-schema.ts';
import { formatRowType, parseRowType } from './row-type.ts';
import { isMap, SchemaProblem } from './schema-problem.ts';

const META_NAMES = ['topic', 'partition', 'offset', 'timestamp', 'key', 'headers'] as const;
const WHOLE_VALUE = '$';
const HEADER_LISTS = ['list<struct<name:string,value:bytes>>', 'list<struct<name:string,value:string>>'];

/** The types a column of each meta may have, the default first. */
const META_TYPES: Readonly<Record<MetaName, readonly string[]>> = {
  topic: ['string'],
  partition: ['int32', 'int64'],
  offset: ['int64'],
  timestamp: ['timestamp(ms)', 'timestamp(us)', 'int64'],
  key: ['string', 'bytes', 'json'],
  headers: ['json', ...HEADER_LISTS],
};
const NEVER_NULL: ReadonlySet<MetaName> = new Set(['topic', 'partition', 'offset', 'timestamp', 'headers']);

const columnEntry = z.strictObject({
  name: z.string().min(1).optional().describe('What the column is called; the path or the meta when left out.'),
  field: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .optional()
    .describe(
      'The path into the JSON value, for example `user.id`; a list of keys where one has a dot in it; `$` is the whole value.',
    ),
  meta: z
    .enum(META_NAMES)
    .optional()
    .describe('What is known of a record beside its value. Headers as `json` are a list of [name, text].'),
  type: z
    .string()
    .optional()
    .describe(
      'boolean, int32, int64, float32, float64, string, bytes (base64 in JSON), date, timestamp(ms), timestamp(us), ' +
        'decimal(18,2), json, list<..> or struct<a:int64,b:string>; a ! after an inner type says that it is never null.',
    ),
  nullable: z
    .boolean()
    .optional()
    .describe('Whether the field may be missing or null: true when left out, but for meta that is always there.'),
});

/** The keys of a format with columns. Refine the whole object with `checkColumnSettings`. */
export const columnSettings = {
  columns: z
    .array(z.union([z.string().min(1), columnEntry]))
    .min(1)
    .optional()
    .describe(
      'The columns of a file in order. An entry that is only a path, such as `user.id`, holds strings as they are and any ' +
        'other JSON as its text.',
    ),
  schema: z
    .union([z.string().min(1), z.record(z.string(), z.unknown())])
    .optional()
    .describe(
      'An Avro schema (a record) or a JSON Schema (an object) to take columns from, as a map or as JSON text, for example ' +
        `\`\${file:click.avsc}\`. They follow those of \`columns\`.`,
    ),
};

export interface ColumnSettings {
  readonly columns?: readonly (string | z.infer<typeof columnEntry>)[] | undefined;
  readonly schema?: string | Readonly<Record<string, unknown>> | undefined;
}

interface Issue {
  readonly path: (string | number)[];
  readonly message: string;
}

/** For `superRefine`: what no single key can say. */
export function checkColumnSettings(settings: ColumnSettings, context: z.RefinementCtx): void {
  for (const { path, message } of readColumns(settings).issues) context.addIssue({ code: 'custom', path, message });
}

/** The columns that checked settings describe. */
export function columnsOf(settings: ColumnSettings): Column[] {
  const { columns, issues } = readColumns(settings);
  assert(issues.length === 0, 'columns are made of checked settings');
  return columns;
}

function readColumns({ columns: entries = [], schema }: ColumnSettings): { columns: Column[]; issues: Issue[] } {
  const columns: Column[] = [];
  const issues: Issue[] = [];
  const add = (column: Column, path: Issue['path']) => {
    if (columns.some(({ name }) => name === column.name))
      issues.push({ path, message: `a second column ${column.name}; give one of them another name` });
    columns.push(column);
  };

  entries.forEach((entry, index) => {
    const read = readEntry(entry);
    if ('problem' in read) issues.push({ path: ['columns', index, ...read.at], message: read.problem });
    else add(read, ['columns', index]);
  });
  try {
    if (schema !== undefined)
      for (const field of fieldsOf(schema)) add({ ...field, from: { path: [field.name] } }, ['schema']);
  } catch (error) {
    if (!(error instanceof SchemaProblem)) throw error;
    const where = error.path === '' ? '' : `${error.path}: `;
    issues.push({ path: ['schema'], message: `${where}${error.message}` });
  }
  if (columns.length + issues.length === 0)
    issues.push({ path: ['columns'], message: 'expected columns, or a schema to take them from' });
  return { columns, issues };
}

function readEntry(entry: NonNullable<ColumnSettings['columns']>[number]): Column | { problem: string; at: string[] } {
  if (typeof entry === 'string') {
    const from = { path: pathOf(entry), anyAsText: true } as const;
    return { name: entry, type: { kind: 'string' }, nullable: true, from };
  }
  const { field, meta, type: typeText } = entry;
  if ((field === undefined) === (meta === undefined)) return { problem: 'expected either field or meta', at: [] };
  const from: ColumnSource = field === undefined ? { meta: meta as MetaName } : { path: pathOf(field) };
  const name = entry.name ?? meta ?? (typeof field === 'string' ? field : (field as string[]).join('.'));
  const type = readType(typeText, meta);
  if ('problem' in type) return { problem: type.problem, at: ['type'] };
  const nullable = entry.nullable ?? (meta === undefined || !NEVER_NULL.has(meta));
  if (typeText === undefined && meta === undefined)
    return { name, type: type.type, nullable, from: { path: pathOf(field as string), anyAsText: true } };
  return { name, type: type.type, nullable, from };
}

function readType(text: string | undefined, meta: MetaName | undefined): { type: RowType } | { problem: string } {
  const parsed = parseRowType(text ?? (meta === undefined ? 'string' : (META_TYPES[meta][0] as string)));
  if (meta === undefined || 'problem' in parsed) return parsed;
  // What is inside a list of headers may be called nullable or not: it says nothing about which type it is.
  const written = formatRowType(parsed.type).replaceAll('!', '');
  if (META_TYPES[meta].includes(written)) return parsed;
  return { problem: `${meta} may be ${META_TYPES[meta].join(', ')}, not ${formatRowType(parsed.type)}` };
}

function pathOf(field: string | readonly string[]): string[] {
  if (typeof field !== 'string') return [...field];
  return field === WHOLE_VALUE ? [] : field.split('.');
}

function fieldsOf(schema: string | Readonly<Record<string, unknown>>): RowField[] {
  const parsed = typeof schema === 'string' ? parseJson(schema) : schema;
  if (!isMap(parsed)) throw new SchemaProblem('', 'expected an Avro record or a JSON Schema of an object: a map');
  return parsed.type === 'record' ? fieldsOfAvro(parsed) : fieldsOfJsonSchema(parsed);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SchemaProblem('', `not JSON: ${(error as Error).message}`);
  }
}
