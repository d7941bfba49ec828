import type { TestContext } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';

/** A reader of files that knows nothing of Sluice: takes SQL, gives rows as JSON values by column. Ends with the test. */
export async function duckDb(t: TestContext): Promise<(sql: string) => Promise<Record<string, unknown>[]>> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  t.after(() => {
    connection.closeSync();
    instance.closeSync();
  });
  // It would keep parts of files that look unchanged, by name, size and time.
  await connection.run('set enable_external_file_cache = false');
  return async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
}
