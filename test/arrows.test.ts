import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

const ROOT = dirname(import.meta.dirname);
const rules = (createRequire(import.meta.url)('../.dependency-cruiser.cjs') as { forbidden: { name: string }[] })
  .forbidden;

/** One file per rule, in a copy of the house, that does what the rule forbids. */
const PLANTED: Record<string, [path: string, source: string]> = {
  'contract-stands-alone': ['core/contract/planted.ts', `export { RecordFrame } from '../batch/frame.ts';`],
  'core-knows-no-connector': ['core/batch/planted1.ts', `export type { X } from '../../connectors/planted/index.ts';`],
  'core-parts-below-entries': ['core/batch/planted2.ts', `export { SluiceError } from '../spi.ts';`],
  'checkpoint-below-runtime': ['core/batch/planted3.ts', `export { systemEnv } from '../runtime/system-env.ts';`],
  'protocol-is-pure': ['core/checkpoint/protocol.ts', `export { createHash } from 'node:crypto';`],
  'core-packages': ['core/batch/planted4.ts', `export { pino } from 'pino';`],
  'yaml-in-config-only': ['core/batch/planted5.ts', `export { parse } from 'yaml';`],
  'core-builtins': ['core/config/planted.ts', `export { readFileSync } from 'node:fs';`],
  'no-hashes-in-the-data-path': ['core/batch/planted6.ts', `export { createHash } from 'node:crypto';`],
  'connectors-use-spi': ['connectors/planted/a.ts', `export { RecordFrame } from '../../core/batch/frame.ts';`],
  'contract-imports-are-types': [
    'connectors/planted/b.ts',
    `import * as env from '../../core/contract/env.ts';\nexport { env };`,
  ],
  'no-connector-to-connector': ['connectors/planted/c.ts', `export { x } from '../planted2/index.ts';`],
  'formats-below-filesink': ['connectors/formats/planted.ts', `export { x } from '../filesink/planted.ts';`],
  'registry-for-the-command-line': ['connectors/planted/d.ts', `export * from '../registry.ts';`],
  'kafka-packages-in-kafka': ['connectors/planted/e.ts', `export { Kafka } from 'kafkajs';`],
  'terminal-packages-in-cli': ['connectors/planted/f.ts', `export { Command } from 'commander';`],
  'nothing-above-the-command-line': ['connectors/planted/g.ts', `export { x } from '../../cli/planted.ts';`],
  'testing-serves-any-connector': ['testing/planted1.ts', `export { x } from '../connectors/planted2/index.ts';`],
  'testing-knows-no-log': ['testing/planted2.ts', `export { pipeline } from '../core/runtime/pipeline.ts';`],
  'product-without-tests': ['connectors/planted/h.ts', `export { x } from '../../bench/planted.ts';`],
  'product-without-dev-packages': ['connectors/planted/i.ts', `export * from 'fast-check';`],
  'no-cycles': ['cli/planted2.ts', `export { y } from './planted3.ts';\nexport const x = 1;`],
  'not-resolved': ['cli/planted4.ts', `export * from './nowhere.ts';`],
};

/** What the planted files point at. */
const TARGETS: [path: string, source: string][] = [
  ['connectors/planted/index.ts', 'export type X = 1;'],
  ['connectors/planted2/index.ts', 'export const x = 1;'],
  ['connectors/filesink/planted.ts', 'export const x = 1;'],
  ['connectors/registry.ts', 'export const x = 1;'],
  ['cli/planted.ts', 'export const x = 1;'],
  ['cli/planted3.ts', `import { x } from './planted2.ts';\nexport const y = x;`],
  ['bench/planted.ts', 'export const x = 1;'],
];

/** A copy of the sources under version control, in which a test may break things. */
function copyOfTheHouse(t: TestContext): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-house-')));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'core', 'lint', '*.json', '.*.cjs'], {
    cwd: ROOT,
  });
  for (const path of listed.toString().split('\n'))
    if (path !== '') cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function plant(house: string, path: string, source: string): void {
  mkdirSync(dirname(join(house, path)), { recursive: true });
  writeFileSync(join(house, path), `${source}\n`);
}

interface Cruise {
  summary: { violations: { from: string; to: string; rule: { name: string } }[]; totalCruised: number };
}

test('every arrow refuses an import that goes against it', (t) => {
  const house = copyOfTheHouse(t);
  for (const [path, source] of [...TARGETS, ...Object.values(PLANTED)]) plant(house, path, source);

  const cruise = spawnSync(
    join(ROOT, 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'core', 'connectors', 'cli', 'testing', 'bench'],
    { cwd: house, encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  const { violations } = (JSON.parse(cruise.stdout) as Cruise).summary;

  assert.deepEqual(
    rules.map((rule) => rule.name).filter((name) => PLANTED[name] === undefined),
    [],
    'every rule has a planted violation',
  );
  for (const [rule, [path]] of Object.entries(PLANTED)) {
    const caught = violations.filter((violation) => violation.from === path).map((violation) => violation.rule.name);
    assert.ok(caught.includes(rule), `${path} should break ${rule}, and breaks: ${caught.join(', ') || 'nothing'}`);
  }
});

test('core and connectors cannot take time, timers, chance or ids from anywhere but Env', (t) => {
  const house = copyOfTheHouse(t);
  const banned = [
    'setTimeout',
    'setInterval',
    'setImmediate',
    'Date.now()',
    'performance.now()',
    'crypto.randomUUID()',
    'console.log',
    'Math.random()',
    'globalThis.Date',
    'AbortSignal.timeout(1)',
  ];
  const bannedInCore = ['process.pid', 'fetch'];
  const file = (list: string[]) => `export const planted = [\n${list.map((what) => `  ${what},\n`).join('')}];`;
  plant(house, 'core/runtime/planted.ts', file([...banned, ...bannedInCore]));
  plant(house, 'connectors/planted/planted.ts', file(banned));

  const refusedLines = (path: string) => {
    const lint = spawnSync(
      join(ROOT, 'node_modules/.bin/biome'),
      ['lint', '--vcs-enabled=false', '--reporter=github', '--max-diagnostics=none', path],
      { cwd: house, encoding: 'utf8' },
    );
    return new Set([...lint.stdout.matchAll(/line=(\d+),/g)].map((match) => Number(match[1]) - 2));
  };

  const inCore = refusedLines('core/runtime/planted.ts');
  const inConnectors = refusedLines('connectors/planted/planted.ts');
  assert.deepEqual(
    [...banned, ...bannedInCore].filter((_, line) => !inCore.has(line)),
    [],
  );
  assert.deepEqual(
    banned.filter((_, line) => !inConnectors.has(line)),
    [],
  );
});
