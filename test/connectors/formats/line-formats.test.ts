import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { checkLineSettings, lineFormat, lineSettings } from '../../../connectors/formats/line-formats.ts';

const schema = z.strictObject(lineSettings).superRefine(checkLineSettings);
const issuesOf = (input: unknown) =>
  schema.safeParse(input).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

test('without settings it is JSON lines that stop at a tombstone', () => {
  assert.deepEqual(lineFormat(schema.parse({})), {
    line: { delimiter: 10, newlines: 'rewrite', nulls: 'fail' },
    extension: 'ndjson',
  });
});

test('raw values end in any one byte, a newline unless told otherwise', () => {
  assert.equal(lineFormat(schema.parse({ format: 'raw' })).line.delimiter, 10);
  assert.deepEqual(lineFormat(schema.parse({ format: 'raw', delimiter: '\0', nulls: 'write' })), {
    line: { delimiter: 0, newlines: 'pass', nulls: 'write' },
    extension: 'raw',
  });
});

test('a delimiter is one byte, and of raw only', () => {
  assert.match(issuesOf({ format: 'raw', delimiter: '\r\n' }).join(), /^delimiter: expected a single byte/);
  assert.match(issuesOf({ format: 'raw', delimiter: 'é' }).join(), /^delimiter: expected a single byte/);
  assert.match(issuesOf({ format: 'raw', delimiter: '' }).join(), /^delimiter: expected a single byte/);
  assert.match(issuesOf({ delimiter: '\n' }).join(), /^delimiter: only format raw has a delimiter/);
});
