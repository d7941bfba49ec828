import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionTables } from '../../../core/config/docs.ts';
import { connectorSchemas, jsonSchema } from '../../../core/config/json-schema.ts';
import { nodesAt, type SchemaNode } from '../../../core/config/schema-tree.ts';
import { fakeRegistry } from './fake-connectors.ts';

const fakeSchemas = () => connectorSchemas(fakeRegistry().registry);

test('the schema is one strict object whose sections are told apart by type', async () => {
  const schema = jsonSchema(await fakeSchemas()) as SchemaNode & { $schema: string };

  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(schema.required, ['name', 'source', 'sink']);
  assert.equal(schema.additionalProperties, false);
  const types = (path: string[]) => nodesAt(schema, [...path, 'type']).map((node) => node.const);
  assert.deepEqual(types(['source']), ['queue']);
  assert.deepEqual(types(['sink']), ['folder']);
  assert.deepEqual(types(['checkpoints', 'store']), ['folder']);
});

test('what a user may leave out is not required, and its default is told', async () => {
  const schema = jsonSchema(await fakeSchemas()) as SchemaNode;
  const [source] = nodesAt(schema, ['source']);
  const [queue] = source?.oneOf ?? [];

  assert.deepEqual(queue?.required, ['type', 'hosts']);
  assert.equal(queue?.properties?.wait?.default, '1s');
  assert.equal(queue?.properties?.hosts?.description, 'Hosts of the queue.');
});

test('what only code can pass is not in the schema', async () => {
  const [source] = nodesAt(jsonSchema(await fakeSchemas()) as SchemaNode, ['source']);

  assert.ok(!Object.keys(source?.oneOf?.[0]?.properties ?? {}).includes('token'));
});

test('editors accept a reference where a pattern is asked for, and nothing else that does not match', async () => {
  const [memory] = nodesAt(jsonSchema(await fakeSchemas()) as SchemaNode, ['memory']);
  const pattern = new RegExp(memory?.pattern as string);

  assert.match('128MiB', pattern);
  assert.match(`$` + `{env:MEMORY}`, pattern);
  assert.doesNotMatch('128', pattern);
});

test('the option tables name every setting with its value, default and meaning', async () => {
  const tables = optionTables(await fakeSchemas());

  for (const row of [
    '| `memory` | size | `96MiB` | Memory for records between source and sink, over the whole process. |',
    '| `checkpoints.interval` | duration | `10s` | Time from one checkpoint to the next. |',
    '| `hosts` | a list of strings | **required** | Hosts of the queue. |',
    '| `start.timestamp` | a string | **required** |  |',
    '| `login.password` | a string, secret | **required** |  |',
    '| `path` | a string | **required** | Folder to write to. |',
  ]) {
    assert.ok(tables.includes(`${row}\n`), `${row}\nis not in\n${tables}`);
  }
  for (const heading of ['## Source: queue', '## Sink: folder', '## Checkpoint store: folder']) {
    assert.ok(tables.includes(heading), heading);
  }
});
