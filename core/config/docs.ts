import type { ConnectorSchemas } from './json-schema.ts';
import type { Role } from './registry.ts';
import { alternatives, describeExpected, describeOne, type SchemaNode } from './schema-tree.ts';
import { frameWith, sectionDescriptions } from './sections.ts';

const INTRODUCTION = `# Options of a pipeline file

Made from the settings of the program itself by \`npx node docs/generate.ts\`; \`sluice schema\` prints the same for
editors. Durations are written \`500ms\`, \`10s\`, \`5m\`, \`1h\`; sizes \`64KiB\`, \`128MiB\`, \`1GiB\`. Any string may hold
\`\${env:NAME}\` or \`\${file:path}\`; what is filled in prints as \`[hidden]\`. Relative paths start at the folder of the file.`;

const HEADINGS: Readonly<Record<Role, string>> = { source: 'Source', sink: 'Sink', store: 'Checkpoint store' };

/** The option tables of every section and connector, as Markdown. */
export function optionTables(schemas: ConnectorSchemas): string {
  const frame = frameWith({
    source: { description: sectionDescriptions.source },
    sink: { description: sectionDescriptions.sink },
    store: { description: sectionDescriptions.store },
  });
  const parts = [INTRODUCTION, '## Pipeline', optionTable(frame)];
  for (const role of Object.keys(schemas) as Role[]) {
    for (const [type, schema] of schemas[role]) {
      const said = schema.description === undefined ? [] : [schema.description];
      parts.push(`## ${HEADINGS[role]}: ${type}`, ...said, optionTable(schema));
    }
  }
  return `${parts.join('\n\n')}\n`;
}

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

function optionTable(schema: SchemaNode): string {
  const rows = rowsOf(schema, '').map(({ key, type, fallback, description }) => {
    const cells = [`\`${key}\``, type, fallback, description].map((cell) =>
      cell.replaceAll('|', '\\|').replaceAll('<', '&lt;'),
    );
    return `| ${cells.join(' | ')} |`;
  });
  return ['| key | value | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function rowsOf(node: SchemaNode, above: string): Row[] {
  const rows: Row[] = [];
  for (const variant of alternatives(node)) {
    for (const [name, field] of Object.entries(variant.properties ?? {})) {
      // The heading says the type of a connector already.
      if (above === '' && name === 'type') continue;
      const key = `${above}${name}`;
      const row = rowOf(key, field, variant.required?.includes(name) === true);
      const inner = rowsOf(field, `${key}.`);
      // Variants of a map share keys; the second one adds only what is new.
      for (const one of [row, ...inner]) {
        if (!rows.some((known) => known.key === one.key && known.type === one.type)) rows.push(one);
      }
    }
  }
  return rows;
}

function rowOf(key: string, field: SchemaNode, required: boolean): Row {
  return { key, type: typeText(field), fallback: fallbackText(field, required), description: field.description ?? '' };
}

function fallbackText({ fromSink, ...field }: SchemaNode, required: boolean): string {
  const own = ownFallbackText(field, required);
  if (!fromSink) return own;
  return own === '' ? 'as the sink' : `as the sink, or ${own}`;
}

function ownFallbackText({ default: fallback }: SchemaNode, required: boolean): string {
  if (fallback === Number.MAX_SAFE_INTEGER) return 'no limit';
  if (fallback !== undefined && typeof fallback !== 'object') return `\`${String(fallback)}\``;
  return required ? '**required**' : '';
}

function typeText(field: SchemaNode): string {
  if (field.type === undefined && field.anyOf === undefined && field.oneOf === undefined && !('const' in field)) {
    return 'a map, see below';
  }
  const words = describeExpected([field], (node) => (node.unit === undefined ? describeOne(node) : [node.unit]));
  return [field, ...alternatives(field)].some((node) => node.secret) ? `${words}, secret` : words;
}
