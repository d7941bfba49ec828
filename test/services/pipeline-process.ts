import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Guarded, spawnGuarded } from './process.ts';

const launcher = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));

/** `sluice run` of one pipeline file as a process of its own, which may be killed, paused and stopped. */
export class PipelineProcess {
  readonly #process: Guarded;
  readonly #logPath: string;
  readonly #logFrom: number;

  private constructor(started: Guarded, logPath: string, logFrom: number) {
    this.#process = started;
    this.#logPath = logPath;
    this.#logFrom = logFrom;
  }

  /** Starts it. Its output is appended to `logPath`, by default `sluice.log` beside the file. */
  static async start(
    pipelineFile: string,
    logPath = join(dirname(pipelineFile), 'sluice.log'),
  ): Promise<PipelineProcess> {
    const logFrom = readText(logPath).length;
    const args = ['run', pipelineFile, '--log-format', 'json'];
    return new PipelineProcess(await spawnGuarded({ command: launcher, args, logPath }), logPath, logFrom);
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  /** The exit code, once it has ended. */
  get exited(): Promise<number> {
    return this.#process.exited;
  }

  /** What this run has said so far. */
  get log(): string {
    return readText(this.#logPath).slice(this.#logFrom);
  }

  /** kill -9; resolves once it is gone. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** Asks for an orderly stop, as systemd and Kubernetes do. */
  terminate(): void {
    this.#process.signal('SIGTERM');
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // nothing was written yet
  }
}
