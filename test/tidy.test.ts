import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { optionTables } from '../core/config/docs.ts';
import { connectorSchemas } from '../core/config/json-schema.ts';
import { VERSION } from '../core/version.ts';

const ROOT = dirname(import.meta.dirname);
const LINES_AIM = 300;
const LINES_MAX = 500;

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));
const texts = files.filter(
  (path) => /\.(ts|js|cjs|mjs|sh|md|ya?ml|json|xml|grit)$|^\.ci\//.test(path) && path !== 'package-lock.json',
);

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** `path:line: text` of every line that matches. */
function linesWith(pattern: RegExp, paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}

test(`no source file is longer than ${LINES_MAX} lines`, (t) => {
  const sizes = files
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, lines: read(path).split('\n').length - 1 }));
  assert.ok(sizes.length > 10, 'the list of sources is not empty');

  for (const { path, lines } of sizes.filter(({ lines }) => lines > LINES_AIM))
    t.diagnostic(`${lines} lines: ${path} (aim: ${LINES_AIM})`);

  assert.deepEqual(
    sizes.filter(({ lines }) => lines > LINES_MAX),
    [],
  );
});

test('every folder that a newcomer opens explains itself', () => {
  const connectors = readdirSync(join(ROOT, 'connectors'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const explained = [
    '.',
    'core',
    'testing',
    'test',
    'bench',
    'demo',
    ...connectors.map((entry) => join('connectors', entry.name)),
  ];

  assert.deepEqual(
    explained.map((folder) => join(folder, 'README.md')).filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});

// Words are put together below so that this file does not find itself.
test('nothing is left half done', () => {
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);

  assert.deepEqual(linesWith(marks, texts), []);
});

test('no test is singled out, and none is skipped without a reason', () => {
  const [only, skip] = ['on' + 'ly', 'sk' + 'ip'];
  const silenced = new RegExp(`\\.${only}\\(|\\b(test|it|describe)\\.${skip}\\(|\\b${skip}: true|\\.${skip}\\(\\)`);

  assert.deepEqual(linesWith(silenced, texts), []);
});

test('no file names a path that exists on one machine only', () => {
  const machinePaths = new RegExp(
    `(^|[^\\w.$}~-])/(${['wo' + 'rk', 'ro' + 'ot', 'ho' + 'me', 'fa' + 'rm', 'tm' + 'p'].join('|')})/`,
  );

  assert.deepEqual(linesWith(machinePaths, texts), []);
});

test('the version is the same in package.json, in slots and at the top of the changelog', () => {
  const newest = /^## (\S+)/m.exec(read('CHANGELOG.md'))?.[1];

  assert.equal(VERSION, manifest.version);
  assert.equal(newest, manifest.version);
});

test('relative links in the documentation lead somewhere', () => {
  const dead = files
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .filter(([, target]) => !existsSync(join(ROOT, dirname(path), target as string)))
        .map(([, target]) => `${path} -> ${target}`),
    );

  assert.deepEqual(dead, []);
});

test('docs/options.md says what the schemas say', async () => {
  const { registry } = await import('../connectors/registry.ts');

  const fresh = optionTables(await connectorSchemas(registry));

  assert.equal(read('docs/options.md'), fresh, 'run `npm exec -- node docs/generate.ts`');
});
