// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how references are written in a pipeline file
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { folderWith, sluice } from './sluice.ts';

const VALID = `name: clicks
source:
  type: kafka
  brokers: ["127.0.0.1:9092"]
  topics: [clicks]
sink: { type: file, path: ./out, format: ndjson }
checkpoints: { interval: 2s, store: { type: file, path: ./.sluice } }
`;

/** What `sluice validate p.yaml` says to a file that it must refuse. */
async function refusal(t: TestContext, text: string): Promise<string[]> {
  const folder = folderWith(t, { 'p.yaml': text });
  const { code, stdout, stderr } = await sluice(t, folder, ['validate', 'p.yaml']).ended;
  assert.equal(code, 2, stderr);
  assert.equal(stdout, '');
  return stderr.trimEnd().split('\n');
}

test('a valid file is summed up: source, sink, checkpoints; nothing is written', async (t) => {
  const folder = folderWith(t, { 'p.yaml': VALID });

  const { code, stdout, stderr } = await sluice(t, '/', ['validate', `${folder}/p.yaml`]).ended;

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(
    stdout,
    `${folder}/p.yaml is valid
  pipeline     clicks
  source       kafka: brokers 127.0.0.1:9092, topics clicks
  sink         file: path ./out, format ndjson
  checkpoints  every 2s in file:${folder}/.sluice
  ends         when it is stopped
`,
  );
});

test('an unknown key', async (t) => {
  const lines = await refusal(t, `${VALID}compression: zstd\n`);

  assert.match(
    lines[0] as string,
    /^p\.yaml:8:1: compression: unknown key; expected one of name, memory, .*checkpoints/,
  );
  assert.deepEqual(lines.slice(1), ['[CONFIG_INVALID]']);
});

test('a misspelt key', async (t) => {
  assert.deepEqual(await refusal(t, VALID.replace('brokers', 'brokesr')), [
    'p.yaml:4:3: source.brokesr: unknown key; did you mean brokers?',
    '[CONFIG_INVALID]',
  ]);
});

test('a wrong type', async (t) => {
  assert.deepEqual(await refusal(t, VALID.replace('./out', '5')), [
    'p.yaml:6:27: sink.path: expected a string, found the number 5',
    '[CONFIG_INVALID]',
  ]);
});

test('a bad duration', async (t) => {
  assert.deepEqual(await refusal(t, VALID.replace('2s', '2 seconds')), [
    'p.yaml:7:26: checkpoints.interval: expected a duration such as 500ms, 10s, 5m or 1h, found "2 seconds"',
    '[CONFIG_INVALID]',
  ]);
});

test('an unset environment variable', async (t) => {
  assert.deepEqual(await refusal(t, VALID.replace('./out', '"${env:SLUICE_TEST_UNSET}"')), [
    'p.yaml:6:27: sink.path: the environment variable SLUICE_TEST_UNSET is not set',
    '[CONFIG_INVALID]',
  ]);
});

test('empty topics', async (t) => {
  const [line] = await refusal(t, VALID.replace('[clicks]', '[]'));

  assert.match(line as string, /^p\.yaml:5:11: source\.topics: expected at least one topic, found an empty list$/);
});

test('text that is not YAML', async (t) => {
  assert.deepEqual(await refusal(t, VALID.replace('[clicks]', '[clicks')), [
    'p.yaml:6:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    '[CONFIG_INVALID]',
  ]);
});

test('an unknown type', async (t) => {
  const [line] = await refusal(t, VALID.replace('kafka', 'kafak'));

  assert.equal(
    line,
    'p.yaml:3:9: source.type: expected the type of a source: datagen or kafka, found "kafak"; did you mean kafka?',
  );
});

test('two mistakes are told at once, in the order of the file', async (t) => {
  assert.deepEqual(await refusal(t, `${VALID.replace('ndjson', 'jsonl')}memroy: 1\n`), [
    'p.yaml has 2 problems:',
    'p.yaml:6:42: sink.format: expected ndjson, raw, csv, avro or parquet, found "jsonl"',
    'p.yaml:8:1: memroy: unknown key; did you mean memory?',
    '[CONFIG_INVALID]',
  ]);
});

test('a file that is not there, a folder and an empty file', async (t) => {
  const folder = folderWith(t, { 'empty.yaml': '' });
  const said = async (file: string) => {
    const { code, stderr } = await sluice(t, folder, ['validate', file]).ended;
    return [code, ...stderr.trimEnd().split('\n')];
  };

  assert.deepEqual(await said('gone.yaml'), [
    2,
    'gone.yaml: there is no such file',
    `  Looked for ${folder}/gone.yaml`,
    '[CONFIG_FILE]',
  ]);
  assert.deepEqual((await said('.'))[1], '.: this is a folder; give the pipeline file in it');
  assert.deepEqual(
    (await said('empty.yaml'))[1],
    'empty.yaml:1:1: the file is empty; a pipeline has at least name, source and sink',
  );
});

test('a secret is neither in the summary nor in a warning', async (t) => {
  const text = VALID.replace(
    'topics:',
    'sasl: { mechanism: plain, username: "${env:WHO}", password: hunter2 }\n  topics:',
  );
  const folder = folderWith(t, { 'p.yaml': text });

  const { code, stdout, stderr } = await sluice(t, folder, ['validate', 'p.yaml'], { WHO: 'somebody' }).ended;

  assert.equal(code, 0, stderr);
  assert.match(stdout, /sasl \{ mechanism plain, username \[hidden\], password \[hidden\] \}/);
  assert.match(stderr, /^warning: p\.yaml:5:\d+: source\.sasl\.password: a secret stands in the file/);
  assert.doesNotMatch(stdout + stderr, /hunter2|somebody/);
});

test('unknown commands and options exit 2 and name what was meant', async (t) => {
  const said = async (...args: string[]) => {
    const { code, stderr } = await sluice(t, '/', args).ended;
    assert.equal(code, 2, stderr);
    return stderr;
  };

  assert.match(await said('validat', 'p.yaml'), /unknown command 'validat'\n\(Did you mean validate\?\)/);
  assert.match(
    await said('run', 'p.yaml', '--new-linage'),
    /unknown option '--new-linage'\n\(Did you mean --new-lineage\?\)/,
  );
  assert.match(await said('run', 'p.yaml', '--log-format', 'xml'), /Allowed choices are json, pretty/);
  assert.match(await said('checkpoints', 'resolve', 'p.yaml', '--reason', 'x'), /--accept-lost or --replay/);
  assert.match(await said('validate'), /missing required argument 'pipeline\.yaml'/);
});

test('`sluice schema` prints the JSON Schema of every connector', async (t) => {
  const { code, stdout } = await sluice(t, '/', ['schema']).ended;

  assert.equal(code, 0);
  const { $schema, properties } = JSON.parse(stdout);
  assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(
    properties.source.oneOf.map((one: { properties: { type: { const: string } } }) => one.properties.type.const),
    ['datagen', 'kafka'],
  );
});
