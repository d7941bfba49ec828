import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const jarsRoot = fileURLToPath(new URL('../../.services/jars/', import.meta.url));
const javaMin = 17;

/** The class path of a service, and a sentence that says why there is none. */
export type Jars = { kind: 'ready'; classPath: string } | { kind: 'missing'; why: string };

/** Finds the jars of one Maven profile of a POM in the checkout, and lets Maven fetch them the first time. */
export async function requireJars(
  profile: string,
  say: (line: string) => void,
  pomName: 'pom.xml' | 'archive-pom.xml' = 'pom.xml',
): Promise<Jars> {
  const pom = fileURLToPath(new URL(pomName, import.meta.url));
  const java = await readJavaVersion();
  if (java === undefined) return { kind: 'missing', why: `no \`java\` on the PATH (Java ${javaMin} or newer)` };
  if (java < javaMin) return { kind: 'missing', why: `\`java\` is version ${java}, ${javaMin} or newer is needed` };
  const home = join(jarsRoot, profile);
  const ready: Jars = { kind: 'ready', classPath: join(home, '*') };
  if (isCurrent(home, pom)) return ready;
  if (!(await answers('mvn', ['-v'])))
    return { kind: 'missing', why: 'no `mvn` on the PATH to fetch the jars with (once)' };
  say(`fetching the jars of ${profile} with Maven (once)`);
  const fresh = join(jarsRoot, `.${profile}-${process.pid}`);
  try {
    await run('mvn', ['-q', '-B', '-f', pom, `-P${profile}`, `-Djars.root=${fresh}`, 'process-resources']);
    copyFileSync(pom, join(fresh, profile, 'pom.xml'));
    mkdirSync(jarsRoot, { recursive: true });
    if (!isCurrent(home, pom)) {
      rmSync(home, { recursive: true, force: true });
      renameSync(join(fresh, profile), home);
    }
    return ready;
  } catch (error) {
    if (isCurrent(home, pom)) return ready; // another process was faster
    const { stdout = '', message } = error as { stdout?: string; message: string };
    return { kind: 'missing', why: `Maven could not fetch the jars: ${(stdout || message).trim().split('\n')[0]}` };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The jars are those of this pom: a copy of it lies beside them, written last. */
function isCurrent(home: string, pom: string): boolean {
  const copy = join(home, 'pom.xml');
  return existsSync(copy) && readFileSync(copy).equals(readFileSync(pom));
}

async function readJavaVersion(): Promise<number | undefined> {
  try {
    const { stderr } = await run('java', ['-version']);
    const match = /version "(?:1\.)?(\d+)/.exec(stderr);
    return match?.[1] === undefined ? undefined : Number(match[1]);
  } catch {
    return undefined; // not installed, which is what the caller wants to know
  }
}

async function answers(command: string, args: string[]): Promise<boolean> {
  try {
    await run(command, args);
    return true;
  } catch {
    return false; // not installed, which is what the caller wants to know
  }
}
