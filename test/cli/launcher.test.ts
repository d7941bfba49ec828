import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';

const LAUNCHER = join(import.meta.dirname, '../../bin/sluice.js');
const WAIT_MS = 10_000;

/** Says who it is, then does what its first argument asks. */
const PROGRAM = `
export async function main([task, ...rest]) {
  const timer = setInterval(() => {}, 1000);
  const stopped = new Promise((resolve) => process.on('SIGTERM', resolve)).then(() => 7);
  process.stdout.write(JSON.stringify({ pid: process.pid, version: process.version, rest }) + '\\n');
  if (task === 'signal') process.kill(process.pid, rest[0]);
  if (task === 'leave') {
    void (async () => { for (;;) await undefined; })();
    return Number(rest[0]);
  }
  const exitCode = task === 'exit' ? Number(rest[0]) : await stopped;
  clearInterval(timer);
  return exitCode;
}
`;

/** The first Node on the PATH that is too old to run the program itself. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find((path) => existsSync(path) && !isNewEnough(execFileSync(path, ['--version'], { encoding: 'utf8' })));
const noOldNode = oldNode === undefined ? 'no Node older than 22.18 on the PATH' : false;

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

interface Package {
  readonly root: string;
  readonly launcher: string;
}

/** A package with the real launcher and a small program, and with this Node among its dependencies. */
function makePackage(t: TestContext, { program = 'cli/main.ts', node = true, root = '' } = {}): Package {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-launcher-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = join(folder, root);
  const write = (path: string, text: string) => {
    mkdirSync(join(at, path, '..'), { recursive: true });
    writeFileSync(join(at, path), text);
  };
  write('package.json', '{ "type": "module" }');
  write(program, PROGRAM);
  mkdirSync(join(at, 'bin'));
  copyFileSync(LAUNCHER, join(at, 'bin/sluice.js'));
  if (node) addNode(join(at, 'node_modules/node'));
  return { root: at, launcher: join(at, 'bin/sluice.js') };
}

function addNode(at: string): void {
  mkdirSync(join(at, 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(at, 'bin/node'));
}

interface Started {
  readonly child: ChildProcess;
  /** What the program said about itself. */
  readonly hello: Promise<{ pid: number; version: string; rest: string[] }>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

function start(t: TestContext, command: string, args: string[], env: NodeJS.ProcessEnv = process.env): Started {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
  const silent = exited.then((exit) => assert.fail(`it ended without a word: ${JSON.stringify(exit)}`));
  const hello = Promise.race([once(lines, 'line').then(([line]) => JSON.parse(line)), silent]);
  // A run that ends without a word fails where its exit is awaited.
  hello.catch(() => {});
  return { child, hello, exited };
}

/** Waits until the process is gone; one that nobody has reaped yet counts as gone. */
async function untilGone(pid: number): Promise<void> {
  for (
    const until = Date.now() + WAIT_MS;
    Date.now() < until;
    await new Promise((resolve) => setTimeout(resolve, 20))
  ) {
    try {
      const [, state] = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (state === 'Z') return;
    } catch {
      return; // no such process: what is waited for
    }
  }
  assert.fail(`process ${pid} still runs`);
}

test('run as a program it becomes the right Node: one process, its own signals', async (t) => {
  const { launcher } = makePackage(t);
  const { child, hello, exited } = start(t, launcher, ['wait', 'a b', '']);

  const { pid, version, rest } = await hello;
  assert.equal(pid, child.pid);
  assert.equal(version, process.version);
  assert.deepEqual(rest, ['a b', '']);

  child.kill('SIGTERM');
  assert.deepEqual(await exited, { code: 7, signal: null, stderr: '' });
});

test('the exit code of the program is that of the launcher', async (t) => {
  const { launcher } = makePackage(t);

  assert.equal((await start(t, launcher, ['exit', '3']).exited).code, 3);
});

test('what the program left running does not keep it alive', async (t) => {
  const { launcher } = makePackage(t);
  const { hello, exited } = start(t, launcher, ['leave', '6']);
  await hello;

  assert.equal((await exited).code, 6);
});

test('through a symlink, as npm installs it, it finds the package and the Node beside it', async (t) => {
  const { root, launcher } = makePackage(t, {
    root: 'node_modules/sluice',
    program: 'dist/cli/main.js',
    node: false,
  });
  addNode(join(root, '../node'));
  mkdirSync(join(root, '../.bin'));
  symlinkSync('../sluice/bin/sluice.js', join(root, '../.bin/sluice'));
  assert.ok(existsSync(launcher));

  const { hello, exited } = start(t, join(root, '../.bin/sluice'), ['exit', '0'], withoutNewNode(t));

  assert.equal((await hello).version, process.version);
  assert.equal((await exited).code, 0);
});

test('a published package has no sources: the compiled program runs', async (t) => {
  const { launcher } = makePackage(t, { program: 'dist/cli/main.js' });

  assert.equal((await start(t, launcher, ['exit', '5']).exited).code, 5);
});

test('with no Node that is new enough it says so and exits 2', async (t) => {
  const { launcher } = makePackage(t, { node: false });

  const { code, stderr } = await start(t, launcher, ['exit', '0'], withoutNewNode(t)).exited;

  assert.equal(code, 2);
  assert.match(stderr, /^sluice needs Node 22\.18 or newer; found v18\.19\.0\.\n {2}Install one/);
});

test('an old Node starts the right one, passes the exit code on and forwards signals', {
  skip: noOldNode,
}, async (t) => {
  const { launcher } = makePackage(t);
  const run = (...args: string[]) => start(t, oldNode as string, [launcher, ...args]);

  assert.equal((await run('exit', '4').exited).code, 4);
  assert.equal((await run('signal', 'SIGKILL').exited).signal, 'SIGKILL');

  const { child, hello, exited } = run('wait');
  const { pid, version } = await hello;
  assert.notEqual(pid, child.pid);
  assert.equal(version, process.version);
  child.kill('SIGTERM');
  assert.equal((await exited).code, 7);
});

test('killed, an old Node takes the program with it', { skip: noOldNode }, async (t) => {
  const { launcher } = makePackage(t);
  const { child, hello } = start(t, oldNode as string, [launcher, 'wait']);
  const { pid } = await hello;
  t.after(() => killIfThere(pid));

  child.kill('SIGKILL');

  await untilGone(pid);
});

test('an old Node that finds no newer one says so and exits 2', { skip: noOldNode }, async (t) => {
  const { launcher } = makePackage(t, { node: false });

  const { code, stderr } = await start(t, oldNode as string, [launcher], withoutNewNode(t)).exited;

  assert.equal(code, 2);
  assert.match(stderr, /^sluice needs Node 22\.18 or newer/);
});

test("somebody else's channel may close without ending the program", async (t) => {
  const { launcher } = makePackage(t);
  const child = spawn(launcher, ['wait'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line');
  assert.equal(JSON.parse(line).pid, child.pid);

  child.disconnect();
  child.kill('SIGTERM');

  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

/** The tools of a shell and a `node` that claims to be old. */
function withoutNewNode(t: TestContext): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-old-node-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'node'), '#!/bin/sh\necho v18.19.0\n', { mode: 0o755 });
  return { ...process.env, PATH: [folder, '/usr/bin', '/bin'].join(delimiter) };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone, as it should be.
  }
}
