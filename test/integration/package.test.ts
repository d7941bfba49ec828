import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { publint } from 'publint';

const ROOT = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  name: string;
  exports: Record<string, string | Record<string, string>>;
};
const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
const specifiers = entries.map((entry) => join(manifest.name, entry));

// One tarball and one installation for all tests below; they only read it.
let folder = '';
let packed: string[] = [];

before(
  () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
    const [report] = JSON.parse(npm(['pack', '--json', '--silent', '--pack-destination', folder], ROOT)) as {
      filename: string;
      files: { path: string }[];
    }[];
    assert.ok(report);
    packed = report.files.map((file) => file.path);
    writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
    npm(['install', '--no-audit', '--no-fund', '--prefer-offline', `./${report.filename}`], folder);
  },
  { timeout: 180_000 },
);
after(() => rmSync(folder, { recursive: true, force: true }));

function npm(args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What a user's shell has: a Node that is new enough, and nothing of this run's npm settings. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('npm_') && !name.startsWith('NODE_TEST'),
  );
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
}

function sluice(...args: string[]): { status: number | null; output: string } {
  const run = spawnSync(join(folder, 'node_modules/.bin/sluice'), args, {
    cwd: folder,
    encoding: 'utf8',
    env: environment(),
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

test('the tarball holds the compiled product and nothing of the workshop', () => {
  const foreign = packed.filter(
    (path) => !/^(bin\/sluice\.js|dist\/(core|connectors|cli|testing)\/.+\.(js|d\.ts)|[^/]+)$/.test(path),
  );

  assert.deepEqual(foreign, []);
  for (const path of ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'])
    assert.ok(packed.includes(path), `${path} is packed`);
  assert.deepEqual(
    packed.filter((path) => /\.test\.|tsbuildinfo|\.map$/.test(path)),
    [],
  );
  accessSync(join(folder, 'node_modules/sluice/bin/sluice.js'), constants.X_OK);
});

test('no packed file names a path of the machine it was made on', () => {
  const places = [...new Set([ROOT, homedir(), tmpdir()])].map((place) => `${place}/`);
  const installed = join(folder, 'node_modules', manifest.name);
  const found = packed.filter((path) =>
    places.some((place) => readFileSync(join(installed, path), 'utf8').includes(place)),
  );

  assert.deepEqual(found, []);
});

test('every export of the package can be imported', () => {
  const script = specifiers.map(
    (specifier) => `console.log(${JSON.stringify(specifier)}, Object.keys(await import('${specifier}')).length)`,
  );
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script.join(';\n')], {
    cwd: folder,
    encoding: 'utf8',
    env: environment(),
  });

  assert.equal(run.status, 0, run.stderr);
  for (const specifier of specifiers) assert.match(run.stdout, new RegExp(`^${specifier} [1-9]`, 'm'));
});

test('a consumer in strict TypeScript compiles against the declarations', () => {
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  const lines = specifiers.map(
    (specifier, index) => `import * as entry${index} from '${specifier}';\nexport { entry${index} };\n`,
  );
  writeFileSync(join(folder, 'consumer.ts'), lines.join(''));
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--lib',
    'es2024,esnext.disposable',
    '--types',
    'node',
  ];
  const run = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'consumer.ts'], {
    cwd: folder,
    encoding: 'utf8',
  });

  assert.equal(run.status, 0, run.stdout);
});

test('the installed command validates a pipeline and refuses a wrong one with exit code 2', () => {
  const pipeline = (format: string) => `name: sample
source: { type: kafka, brokers: ["127.0.0.1:9092"], topics: [clicks] }
sink: { type: file, path: ./out, format: ${format} }
checkpoints: { interval: 2s, store: { type: file, path: ./.sluice } }
`;
  writeFileSync(join(folder, 'good.yaml'), pipeline('ndjson'));
  writeFileSync(join(folder, 'bad.yaml'), pipeline('ndjsn'));

  const good = sluice('validate', 'good.yaml');
  const bad = sluice('validate', 'bad.yaml');

  assert.equal(good.status, 0, good.output);
  assert.equal(bad.status, 2, bad.output);
  assert.match(bad.output, /ndjson/);
});

test('the installed command runs a pipeline without a broker', () => {
  writeFileSync(
    join(folder, 'datagen.yaml'),
    'name: sample\nsource: { type: datagen, count: 1000, partitions: 2 }\nsink: { type: file, path: ./lake, format: ndjson }\n',
  );

  const run = sluice('run', 'datagen.yaml');

  assert.equal(run.status, 0, run.output);
  const files = readdirSync(join(folder, 'lake'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ndjson'),
  );
  const lines = files.flatMap((path) =>
    readFileSync(join(folder, 'lake', path), 'utf8')
      .trimEnd()
      .split('\n'),
  );
  assert.equal(lines.length, 1000);
});

test('publint finds nothing to say', async () => {
  const { messages } = await publint({
    pkgDir: join(folder, 'node_modules', manifest.name),
    pack: false,
    strict: true,
  });
  // The launcher is a shell script and JavaScript at once, so that it can become a Node that is new enough.
  const told = messages.filter((message) => message.code !== 'BIN_FILE_NOT_EXECUTABLE');

  assert.deepEqual(told, []);
});
