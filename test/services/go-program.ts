import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const goRoot = fileURLToPath(new URL('../../.services/go/', import.meta.url));

/** One program to be had from its source. */
export interface GoProgram {
  /** Name of the binary that `go install` makes. */
  name: string;
  package: string;
  version: string;
  /** What to expect of the first time. */
  cost: string;
}

/** The path of a program, or a sentence that says why there is none. */
export type BuiltProgram = { kind: 'ready'; path: string } | { kind: 'missing'; why: string };

/** Finds a program in the checkout, and lets Go build it the first time. Nothing is left in the home directory. */
export async function requireGoProgram(program: GoProgram, say: (line: string) => void): Promise<BuiltProgram> {
  const path = join(goRoot, `${program.name}-${program.version}`);
  if (existsSync(path)) return { kind: 'ready', path };
  try {
    await run('go', ['version']);
  } catch {
    return { kind: 'missing', why: `no \`go\` on the PATH to build ${program.name} with (once)` };
  }
  say(`building ${program.name} ${program.version} with Go (once, ${program.cost})`);
  const scratch = join(goRoot, `.${program.name}-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  const env = {
    ...process.env,
    GOPATH: join(scratch, 'path'),
    GOCACHE: join(scratch, 'cache'),
    GOBIN: scratch,
    // Modules are made read-only otherwise, and could not be removed. Stripped, the binary links faster.
    GOFLAGS: `${process.env.GOFLAGS ?? ''} -modcacherw -trimpath -ldflags=-s`.trim(),
  };
  try {
    await run('go', ['install', `${program.package}@${program.version}`], { env, maxBuffer: 64 * 1024 * 1024 });
    renameSync(join(scratch, program.name), path);
    return { kind: 'ready', path };
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    const lines = (stderr || message).trim().split('\n');
    const told = lines.filter((line) => !line.startsWith('go: downloading')).slice(0, 3);
    return { kind: 'missing', why: `Go could not build ${program.name}: ${told.join(' ') || message}` };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
