import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FailingSeed } from './first-failing-seed.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const apply = fileURLToPath(new URL('./apply.ts', import.meta.url));
const seeds = fileURLToPath(new URL('./first-failing-seed.ts', import.meta.url));

/** Runs node against the program with the fault. */
export async function runMutated(
  name: string,
  options: readonly string[],
  signal?: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', apply, ...options], {
    cwd: root,
    // Without the variable by which a test runner tells its children to report to it.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, SLUICE_MUTATION: name },
    signal,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  return { code, output };
}

/** Simulates with the fault, one seed after the other; undefined when all of them pass. */
export async function firstFailingSeed(
  name: string,
  { first, count, signal }: { first: number; count: number; signal?: AbortSignal },
): Promise<FailingSeed | undefined> {
  const { code, output } = await runMutated(name, [seeds, String(first), String(count)], signal);
  if (code !== 0) throw new Error(`the simulator does not run with ${name}: ${output.slice(-2000)}`);
  return output === '' ? undefined : JSON.parse(output);
}
