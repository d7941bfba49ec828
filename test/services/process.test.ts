import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { spawnGuarded } from './process.ts';
import { waitFor } from './wait.ts';

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-guard-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!existsSync('/proc/self/stat')) return true;
  const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
  return state !== 'Z'; // dead, and not yet waited for
}

test('a guarded program and its folder go when the process that started it is killed', async (t) => {
  const dir = folder(t);
  const module = new URL('./process.ts', import.meta.url).href;
  const script = `
    const { spawnGuarded } = await import(${JSON.stringify(module)});
    const options = { command: 'sleep', args: ['600'], logPath: ${JSON.stringify(join(dir, 'log'))}, ownedDir: ${JSON.stringify(dir)} };
    console.log((await spawnGuarded(options)).pid);
    setInterval(() => {}, 1000);`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => starter.kill('SIGKILL'));
  const pid = Number(String((await once(starter.stdout, 'data'))[0]));
  assert.ok(isRunning(pid));

  starter.kill('SIGKILL');

  await waitFor(() => !isRunning(pid) && !existsSync(dir), { what: 'the program and its folder are gone' });
});

test('a guarded program says how it ended, and its folder stays when it ends by itself', async (t) => {
  const dir = folder(t);
  const options = { logPath: join(dir, 'log'), ownedDir: dir };

  const left = await spawnGuarded({ ...options, command: 'sh', args: ['-c', 'echo so; exit 7'] });
  assert.equal(await left.exited, 7);
  const killed = await spawnGuarded({ ...options, command: 'sleep', args: ['600'] });
  await killed.kill();

  assert.equal(await killed.exited, 137);
  assert.equal(killed.running, false);
  assert.equal(readFileSync(join(dir, 'log'), 'utf8'), 'so\n');
});
