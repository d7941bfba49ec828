import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { checkFormatSettings, formatOf, formatSettings } from '../../../connectors/formats/settings.ts';

const ids = { hex: (bytes: number) => 'a5'.repeat(bytes) };
const schema = z.strictObject(formatSettings).superRefine(checkFormatSettings);
const issuesOf = (input: unknown) =>
  schema.safeParse(input).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
const format = (input: unknown) => formatOf(schema.parse(input), { ids });

test('without settings it is JSON lines that stop at a tombstone', () => {
  assert.deepEqual(format({}), {
    kind: 'lines',
    line: { delimiter: 10, newlines: 'rewrite', nulls: 'fail' },
    extension: 'ndjson',
  });
});

test('raw values end in any one byte, a newline unless told otherwise', () => {
  const delimiterOf = (input: object) => {
    const raw = format({ format: 'raw', ...input });
    return raw.kind === 'lines' ? raw.line.delimiter : undefined;
  };
  assert.equal(delimiterOf({}), 10);
  assert.equal(delimiterOf({ delimiter: '\0' }), 0);
});

test('a delimiter is one byte, and of raw only', () => {
  assert.match(issuesOf({ format: 'raw', delimiter: '\r\n' }).join(), /^delimiter: expected a single byte/);
  assert.match(issuesOf({ format: 'raw', delimiter: 'é' }).join(), /^delimiter: expected a single byte/);
  assert.match(issuesOf({ format: 'raw', delimiter: '' }).join(), /^delimiter: expected a single byte/);
  assert.match(issuesOf({ delimiter: '\n' }).join(), /^delimiter: format ndjson has no delimiter; it belongs to raw/);
});

test('formats with columns need some, others have none, and every key belongs to its format', () => {
  for (const name of ['csv', 'avro', 'parquet']) {
    assert.match(issuesOf({ format: name }).join(), /^columns: expected columns/);
    assert.deepEqual(issuesOf({ format: name, columns: ['a', 'b'] }), []);
    assert.equal(format({ format: name, columns: ['a', 'b'] }).extension, name);
  }
  assert.match(issuesOf({ columns: ['a'] }).join(), /^columns: format ndjson has no columns; it belongs to csv, avro/);
  assert.match(issuesOf({ csv: {} }).join(), /^csv: format ndjson has no csv/);
  assert.match(issuesOf({ format: 'raw', envelope: {} }).join(), /^envelope: format raw has no envelope/);
});

test('an envelope makes lines record by record', () => {
  const { kind, extension } = format({ envelope: {} });
  assert.deepEqual([kind, extension], ['records', 'ndjson']);
});
