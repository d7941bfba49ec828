import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { optionTables } from '../../../core/config/docs.ts';
import { connectorSchemas, jsonSchema } from '../../../core/config/json-schema.ts';
import { parsePipelineFile } from '../../../core/config/parse.ts';
import type { ConnectorRegistry } from '../../../core/config/registry.ts';
import { nodesAt, type SchemaNode } from '../../../core/config/schema-tree.ts';
import type { Connector } from '../../../core/contract/connector.ts';
import type { Store } from '../../../core/contract/store.ts';
import { fakeRegistry, type Made } from './fake-connectors.ts';

const connection = {
  hosts: z.array(z.string().regex(/:/, 'expected host:port')).describe('Hosts of the lake.'),
  user: z.string().optional().describe('Who asks.'),
  retries: z.int().prefault(3).describe('How often.'),
};
const lake: Connector = {
  type: 'lake',
  sink: {
    settings: z.strictObject({ type: z.literal('lake'), ...connection, path: z.string() }),
    create: (settings) => settings as never,
  },
  store: {
    settings: z.strictObject({ type: z.literal('lake'), ...connection, path: z.string().describe('Where.') }),
    fromSink: { keys: Object.keys(connection), unless: ['hosts'] },
    create: (settings, context) => ({ settings, context }) as unknown as Store,
  },
};
const registry: ConnectorRegistry = { ...fakeRegistry().registry, lake: async () => lake };

const LAKE = 'sink: { type: lake, hosts: ["l:1"], user: etl, retries: 5, path: out }';
const FOLDER = 'sink: { type: folder, path: ./out }';

async function storeOf(sink: string, store: string): Promise<unknown> {
  const source = 'source: { type: queue, hosts: ["a:1"], topics: [clicks] }';
  const text = `name: clicks\n${source}\n${sink}\ncheckpoints: { store: ${store} }\n`;
  const around = { file: 'p.yaml', baseDir: '/', env: {}, readFile: () => '', registry };
  const { options } = await parsePipelineFile(text, around);
  return (options.checkpoints.store as unknown as Made).settings;
}

test('a store has from a sink of its type what it does not name itself', async () => {
  const type = 'lake';

  assert.deepEqual(await storeOf(LAKE, '{ type: lake, path: state }'), {
    ...{ type, hosts: ['l:1'], user: 'etl', retries: 5, path: 'state' },
  });
  assert.deepEqual(await storeOf(LAKE, '{ type: lake, user: other, path: state }'), {
    ...{ type, hosts: ['l:1'], user: 'other', retries: 5, path: 'state' },
  });
});

test('a store at a place of its own takes nothing of the sink there', async () => {
  assert.deepEqual(await storeOf(LAKE, '{ type: lake, hosts: ["m:1"], path: state }'), {
    ...{ type: 'lake', hosts: ['m:1'], retries: 3, path: 'state' },
  });
});

test('only what is said to be shared is taken', async () => {
  await assert.rejects(storeOf(LAKE, '{ type: lake }'), {
    kind: 'config',
    message: 'p.yaml:4:23: checkpoints.store.path: missing; expected a string: Where',
  });
});

test('with a sink of another type, what is missing is named at the store, and why', async () => {
  await assert.rejects(storeOf(FOLDER, '{ type: lake, path: state }'), {
    kind: 'config',
    message:
      'p.yaml:4:23: checkpoints.store.hosts: missing; expected a list of strings: Hosts of the lake; only a sink of the same type would give it',
  });
});

test('what is wrong with the sink is told once, there', async () => {
  for (const [sink, message] of [
    ['sink: { type: lake, path: out }', /^p\.yaml:3:\d+: sink\.hosts: missing; expected a list of strings[^\n]*$/],
    ['sink: { type: lake, hosts: [l], path: out }', /^p\.yaml:3:29: sink\.hosts\[0\]: expected host:port[^\n]*$/],
  ] as const)
    await assert.rejects(storeOf(sink, '{ type: lake, path: state }'), { kind: 'config', message });
  await assert.rejects(storeOf('sink: { type: lake, path: out }', '{ type: lake, hosts: [m], path: state }'), {
    message: /checkpoints\.store\.hosts\[0\]: expected host:port/,
  });
});

test('editors and option tables know that the sink may give it', async () => {
  const schemas = await connectorSchemas(registry);
  const [store] = nodesAt(jsonSchema(schemas) as SchemaNode, ['checkpoints', 'store']);
  const required = store?.oneOf?.find(({ properties }) => properties?.type?.const === 'lake')?.required;
  const tables = optionTables(schemas);
  const table = tables.slice(tables.indexOf('## Checkpoint store: lake'));

  assert.deepEqual(required, ['type', 'path']);
  assert.match(table, /as the sink has them, unless hosts is named\./);
  assert.match(table, /\| `hosts` \| a list of strings \| as the sink \| Hosts of the lake\. \|/);
  assert.match(table, /\| `retries` \| a whole number \| as the sink, or `3` \|/);
  assert.match(table, /\| `path` \| a string \| \*\*required\*\* \| Where\. \|/);
});
