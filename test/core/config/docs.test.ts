import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { registry } from '../../../connectors/registry.ts';
import { optionTables } from '../../../core/config/docs.ts';
import { connectorSchemas } from '../../../core/config/json-schema.ts';
import { loadDefinitions, type Role } from '../../../core/config/registry.ts';
import { nodesAt } from '../../../core/config/schema-tree.ts';

test('docs/options.md is what the settings say: run `npx node docs/generate.ts` after a change', async () => {
  const written = readFileSync(join(import.meta.dirname, '../../../docs/options.md'), 'utf8');

  assert.equal(written, optionTables(await connectorSchemas(registry)));
});

test('every connector is registered under the type that its settings ask for, and describes every setting', async () => {
  const schemas = await connectorSchemas(registry);
  const undescribed: string[] = [];
  for (const role of ['source', 'sink', 'store'] satisfies Role[]) {
    const definitions = await loadDefinitions(registry, role);
    assert.ok(definitions.size > 0, role);
    for (const [type, schema] of schemas[role]) {
      assert.deepEqual(
        nodesAt(schema, ['type']).map((node) => node.const),
        [type],
      );
      for (const [key, field] of Object.entries(schema.properties ?? {})) {
        if (key !== 'type' && field.description === undefined) undescribed.push(`${role} ${type}: ${key}`);
      }
    }
  }

  assert.deepEqual(undescribed, []);
});
