import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from 'yaml';
import { file } from '../../connectors/file/index.ts';
import { parseOptions } from '../../demo/options.ts';
import { filesText } from '../../demo/target.ts';

for (const args of [
  [],
  ['--format', 'csv', '--compression', 'gzip'],
  ['--format', 'avro'],
  ['--format', 'parquet', '--directory', '{topic}/h={time:HH}'],
  ['--compression', 'zstd', '--directory', '{topic}/it\'s "{time:HH}"'],
]) {
  test(`files as asked for by ${JSON.stringify(args)} are settings that the sink takes`, () => {
    const parsed = parseOptions(args);
    assert.ok(parsed.kind === 'run');

    const settings = parse(`sink:${filesText(parsed.options)}`).sink;

    assert.equal(settings.directory, parsed.options.directory);
    assert.equal(settings.format, parsed.options.format);
    assert.doesNotThrow(() => file({ path: 'out', ...settings }));
  });
}
