// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how references are written in a pipeline file
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PipelineFile, parsePipelineFile } from '../../../core/config/parse.ts';
import type { Problem } from '../../../core/config/problem.ts';
import { SluiceError } from '../../../core/errors.ts';
import { fakeRegistry, type Made } from './fake-connectors.ts';

const VALID = `name: clicks
source: { type: queue, hosts: ["a:1"], topics: [clicks] }
sink: { type: folder, path: ./out }
`;

interface Around {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

function parse(text: string, { env = {}, files = {} }: Around = {}): Promise<PipelineFile> {
  const readFile = (path: string) => {
    if (files[path] === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return files[path];
  };
  return parsePipelineFile(text, { file: 'p.yaml', baseDir: '/etc/p', env, readFile, ...fakeRegistry() });
}

/** The lines of the error that `text` is refused with, `p.yaml:` left out. */
async function problemsOf(text: string, around?: Around): Promise<string[]> {
  const error = await parse(text, around).then(
    () => assert.fail('the file was accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SluiceError, String(error));
  assert.equal(error.kind, 'config');
  const problems = error.details.problems as Problem[];
  const lines = error.message.split('\n');
  assert.equal(lines.length, problems.length === 1 ? 1 : problems.length + 1);
  return lines.filter((line) => line.startsWith('p.yaml:')).map((line) => line.slice('p.yaml:'.length));
}

const made = (object: unknown) => object as Made;

test('a valid file becomes the options of a pipeline, with source and sink made', async () => {
  const { options, warnings } = await parse(`${VALID}checkpoints: { interval: 2s }\nmemory: 64MiB\n`);

  assert.equal(options.name, 'clicks');
  assert.equal(options.memory, '64MiB');
  assert.deepEqual(options.checkpoints, { interval: '2s' });
  assert.deepEqual(made(options.source).settings.hosts, ['a:1']);
  assert.equal(made(options.source).settings.wait, 1000);
  assert.equal(made(options.sink).settings.partBytes, 1024 ** 2);
  assert.deepEqual(warnings, []);
});

test('relative paths start at the folder of the file: connectors are told', async () => {
  const { options } = await parse(`${VALID}checkpoints: { store: { type: folder, path: state } }`);

  assert.equal(made(options.sink).context.baseDir, '/etc/p');
  assert.equal(made(options.checkpoints.store).context.baseDir, '/etc/p');
  assert.equal(made(options.checkpoints.store).settings.path, 'state');
});

test('only the connectors that the file names are loaded', async () => {
  const { registry, loaded } = fakeRegistry();
  const never = async () => assert.fail('loaded');

  await parsePipelineFile(VALID, {
    file: 'p.yaml',
    baseDir: '/',
    env: {},
    readFile: () => '',
    registry: { ...registry, other: never },
  });

  assert.deepEqual(loaded.toSorted(), ['folder', 'queue']);
});

test('an unknown key is named with its place and the nearest key', async () => {
  assert.deepEqual(await problemsOf(`${VALID}chekpoints: {}\n`), [
    '4:1: chekpoints: unknown key; did you mean checkpoints?',
  ]);
});

test('a misspelt required key is one problem, not two', async () => {
  const text = VALID.replace('hosts', 'hosst').replace('sink:', 'sinc:');

  assert.deepEqual(await problemsOf(text), [
    '2:24: source.hosst: unknown key; did you mean hosts?',
    '3:1: sinc: unknown key; did you mean sink?',
  ]);
});

test('a key at the wrong level is told where it belongs', async () => {
  assert.deepEqual(await problemsOf(`${VALID}interval: 2s\n`), [
    '4:1: interval: unknown key; expected one of name, memory, shutdownTimeout, restart, source, sink, checkpoints; ' +
      'did you mean checkpoints.interval?',
  ]);
});

test('wrong types and values say what was expected and what was found', async () => {
  const text = `name: Clicks
source:
  type: queue
  hosts: ["a:1", 5, b]
  topics: []
  wait: 2
sink: { type: folder, path: "" }
memory: 1MiB
restart: { attempts: 1.5 }
checkpoints: { interval: 2 seconds, retain: 1 }
`;

  assert.deepEqual(await problemsOf(text), [
    '1:7: name: expected lower-case letters, digits, - and _, at most 63, starting with a letter or digit, found "Clicks"',
    '4:18: source.hosts[1]: expected a string, found the number 5',
    '4:21: source.hosts[2]: expected host:port, found "b"',
    '5:11: source.topics: expected at least one topic, found an empty list',
    '6:9: source.wait: expected a duration such as 500ms, 10s, 5m or 1h, found the number 2',
    '7:29: sink.path: expected text that is not empty, found ""',
    '8:9: memory: expected a size of at least 16MiB, found "1MiB"',
    '9:22: restart.attempts: expected a whole number, found the number 1.5',
    '10:26: checkpoints.interval: expected a duration such as 500ms, 10s, 5m or 1h, found "2 seconds"',
    '10:45: checkpoints.retain: expected at least 2, found the number 1',
  ]);
});

test('of alternatives, the one that was meant is explained', async () => {
  const withStart = (start: string) => VALID.replace('topics:', `start: ${start}, topics:`);

  assert.deepEqual(await problemsOf(withStart('earlist')), [
    '2:47: source.start: expected earliest, latest, a map with timestamp or a map with offsets, found "earlist"; ' +
      'did you mean earliest?',
  ]);
  assert.deepEqual(await problemsOf(withStart('{ timestamp: 5 }')), [
    '2:60: source.start.timestamp: expected a string, found the number 5',
  ]);
  assert.deepEqual(await problemsOf(withStart('{ offsets: { t: x } }')), [
    '2:63: source.start.offsets.t: expected a whole number, found "x"',
  ]);
});

test('a word that decides between alternatives and fits none is all that is said', async () => {
  const text = VALID.replace('topics:', 'login: { mechanism: oauth }, topics:');

  assert.deepEqual(await problemsOf(text), [
    '2:60: source.login.mechanism: expected plain, scram or token, found "oauth"',
  ]);
});

test('a rule between keys is told in its own words, whether its key is there or not', async () => {
  assert.deepEqual(await problemsOf(VALID.replace(', topics: [clicks]', '')), [
    '2:9: source.topics: expected either topics or pattern',
  ]);
  assert.deepEqual(await problemsOf(VALID.replace('topics:', 'pattern: x, topics:')), [
    '2:60: source.topics: expected either topics or pattern',
  ]);
});

test('a missing key says what it is for', async () => {
  assert.deepEqual(await problemsOf(VALID.replace(', path: ./out', '')), [
    '3:7: sink.path: missing; expected a string: Folder to write to',
  ]);
  assert.deepEqual(await problemsOf('name: clicks\n'), [
    '1:1: source: missing; expected a map with type queue',
    '1:1: sink: missing; expected a map with type folder',
  ]);
});

test('an unknown type lists the types there are, for that role only', async () => {
  assert.deepEqual(await problemsOf(VALID.replace('queue', 'queeu').replace('type: folder', 'tpye: folder')), [
    '2:17: source.type: expected the type of a source: queue, found "queeu"; did you mean queue?',
    '3:9: sink.tpye: unknown key; did you mean type?',
  ]);
  assert.deepEqual(await problemsOf(VALID.replace('folder', 'queue')), [
    '3:15: sink.type: expected the type of a sink: folder, found "queue"',
  ]);
  assert.deepEqual(await problemsOf(`${VALID}checkpoints: { store: ./state }`), [
    '4:23: checkpoints.store: expected a map with type folder, found "./state"',
  ]);
});

test('names that every object has are no connectors and no keys', async () => {
  assert.deepEqual(await problemsOf(VALID.replace('folder', 'constructor')), [
    '3:15: sink.type: expected the type of a sink: folder, found "constructor"',
  ]);
  const [problem] = await problemsOf(`${VALID}__proto__: { memory: 64MiB }\n`);
  assert.match(problem as string, /^4:1: __proto__: unknown key/);
});

test('what a connector refuses when it is made is reported at its section', async () => {
  assert.deepEqual(await problemsOf(VALID.replace('./out', '/')), [
    '3:7: sink: the root cannot be a sink; choose a folder',
  ]);
});

test('what a connector refuses is told without the value that was filled in', async () => {
  const around = { env: { OUT: '/secret/place/denied' } };

  assert.deepEqual(await problemsOf(VALID.replace('./out', '"${env:OUT}"'), around), ['3:7: sink: [hidden] is denied']);
});

test('a repeated key is reported beside everything else', async () => {
  assert.deepEqual(await problemsOf(`${VALID}name: other\nx: 1\n`), [
    '4:1: "name" is given twice in the same map',
    '5:1: x: unknown key; expected one of name, memory, shutdownTimeout, restart, source, sink, checkpoints',
  ]);
});

test('an empty file and one that is no map are named as such', async () => {
  const empty = ['1:1: the file is empty; a pipeline has at least name, source and sink'];

  assert.deepEqual(await problemsOf(''), empty);
  assert.deepEqual(await problemsOf('# nothing yet\n'), empty);
  assert.deepEqual(await problemsOf('- a\n'), ['1:1: expected a map with name, source and sink, found a list']);
});

test('references are filled in from the environment and from files', async () => {
  const text = `name: clicks
source: { type: queue, hosts: ["\${env:HOST}:1"], topics: ["\${file:topic.txt}", "a$\${b}"] }
sink: { type: folder, path: ./out }
`;

  const { options } = await parse(text, { env: { HOST: 'a' }, files: { 'topic.txt': 'clicks\n' } });

  assert.deepEqual(made(options.source).settings.hosts, ['a:1']);
  assert.deepEqual(made(options.source).settings.topics, ['clicks', 'a${b}']);
});

test('a reference that leads nowhere is one problem at its place', async () => {
  const text = `name: clicks
source: { type: "\${env:TYPE}", hosts: ["\${env:HOST}:1"], topics: ["\${file:gone.txt}"] }
sink: { type: folder, path: "\${HOME}/out" }
`;

  assert.deepEqual(await problemsOf(text, { env: { TYPE: 'queue' } }), [
    '2:40: source.hosts[0]: the environment variable HOST is not set',
    '2:67: source.topics[0]: cannot read the file gone.txt: ENOENT',
    '3:29: sink.path: expected ${env:NAME} or ${file:path}, found ${HOME}; a literal ${ is written $${',
  ]);
});

test('a value that was filled in is never shown, its reference is', async () => {
  const text = VALID.replace('"a:1"', '"${env:HOST}"');

  assert.deepEqual(await problemsOf(text, { env: { HOST: 'topsecret' } }), [
    '2:32: source.hosts[0]: expected host:port, found ${env:HOST}',
  ]);
});

test('secrets and filled-in values are hidden in the settings for people, in texts and in the hash', async () => {
  const withPassword = (password: string) =>
    VALID.replace('topics:', `login: { mechanism: plain, user: "\${env:USER_NAME}", password: ${password} }, topics:`);

  const first = await parse(withPassword('hunter2'), { env: { USER_NAME: 'somebody' } });
  const second = await parse(withPassword('"${env:PASSWORD}"'), { env: { USER_NAME: 'another', PASSWORD: 'x' } });

  assert.deepEqual((first.redacted.source as Record<string, unknown>).login, {
    mechanism: 'plain',
    user: '[hidden]',
    password: '[hidden]',
  });
  assert.equal(first.redactText('somebody logs in with hunter2'), '[hidden] logs in with [hidden]');
  assert.equal(first.configHash, second.configHash);
  assert.match(first.configHash, /^[0-9a-f]{64}$/);
  assert.deepEqual(made(first.options.source).settings.login, {
    mechanism: 'plain',
    user: 'somebody',
    password: 'hunter2',
  });
});

test('a secret that is not accepted is not shown either', async () => {
  const text = VALID.replace('topics:', 'login: { mechanism: plain, user: u, password: 12345 }, topics:');

  assert.deepEqual(await problemsOf(text), ['2:86: source.login.password: expected a string, found [hidden]']);
});

test('a secret written out in the file is accepted with a warning', async () => {
  const text = VALID.replace('topics:', 'login: { mechanism: plain, user: u, password: hunter2 }, topics:');

  const { warnings } = await parse(text);

  assert.deepEqual(warnings, [
    'p.yaml:2:86: source.login.password: a secret stands in the file; keep it outside with ${env:NAME} or ${file:path}',
  ]);
});

test('the hash changes with the settings and not with their order', async () => {
  const reordered = `sink: { path: ./out, type: folder }
source: { topics: [clicks], type: queue, hosts: ["a:1"] }
name: clicks
`;

  const { configHash } = await parse(VALID);

  assert.equal((await parse(reordered)).configHash, configHash);
  assert.notEqual((await parse(VALID.replace('./out', './out2'))).configHash, configHash);
});
