import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registry } from '../connectors/registry.ts';
import { optionTables } from '../core/config/docs.ts';
import { connectorSchemas } from '../core/config/json-schema.ts';

// Writes docs/options.md; a test checks that it is fresh.
writeFileSync(join(import.meta.dirname, 'options.md'), optionTables(await connectorSchemas(registry)));
