import { appendFileSync, readFileSync } from 'node:fs';
import { type Guarded, spawnGuarded } from './process.ts';
import { waitFor } from './wait.ts';

const startTimeoutMs = 60_000;

/** One daemon of a cluster, which may be ended and started again on the same ports and data. */
export interface HdfsDaemon {
  readonly name: string;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly logPath: string;
  readonly running: boolean;
  /** kill -9; resolves once the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves once the process is gone. */
  stop(): Promise<void>;
  /** Starts again after `kill` or `stop`, and resolves once it answers and is known where it has to be known. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface DaemonOptions {
  readonly name: string;
  readonly url: string;
  readonly args: readonly string[];
  readonly logPath: string;
  /** Removed when this process dies. */
  readonly ownedDir: string;
  /** Whether it does its work; a probe that throws says no. */
  readonly isReady: () => Promise<boolean>;
}

/** Flags of every JVM here. Without the opening every WebHDFS call of a healthy daemon is a 500 on Java 17. */
export function hadoopJvmFlags(classPath: string): string[] {
  const flags = ['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
  return [...flags, '--add-opens=java.base/java.lang=ALL-UNNAMED', '-cp', classPath];
}

/** A JVM that cannot outlive this process. */
export class JvmDaemon implements HdfsDaemon {
  readonly name: string;
  readonly url: string;
  readonly logPath: string;
  readonly #options: DaemonOptions;
  #process: Guarded | undefined;

  constructor(options: DaemonOptions) {
    this.name = options.name;
    this.url = options.url;
    this.logPath = options.logPath;
    this.#options = options;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  async start(): Promise<void> {
    await this.launch();
    await this.ready();
  }

  /** Starts without waiting for it to answer. */
  async launch(): Promise<void> {
    if (this.running) throw new Error(`${this.name} is running`);
    const { args, logPath, ownedDir } = this.#options;
    this.#process = await spawnGuarded({ command: 'java', args, logPath, ownedDir, env: superuserEnv });
  }

  async ready(): Promise<void> {
    const { name, url, logPath, isReady } = this.#options;
    try {
      await waitFor(async () => !this.running || (await isReady()), {
        what: `${name} on ${url}`,
        timeoutMs: startTimeoutMs,
        everyMs: 50,
      });
      if (!this.running) throw new Error(`${name} ended with code ${await this.#process?.exited}`);
    } catch (error) {
      const tail = readFileSync(logPath, 'utf8').split('\n').slice(-15).join('\n');
      throw new Error(`${(error as Error).message}\n${tail}`, { cause: error });
    }
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
    appendFileSync(this.logPath, '--- killed ---\n');
  }

  async stop(): Promise<void> {
    this.#process?.signal('SIGTERM');
    await this.#process?.exited;
  }

  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  /** Kills it, if it runs, and removes the folder that it shares with the others of its cluster. */
  async end(): Promise<void> {
    await this.#process?.end();
  }
}

/** Makes whoever runs a JVM the superuser of the cluster. */
export const superuserEnv = { HADOOP_USER_NAME: 'hdfs' } as const;

/** One bean of a daemon's own view of itself. */
export async function readBean(url: string, bean: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/jmx?qry=${bean}`, { signal: AbortSignal.timeout(2_000) });
  const { beans } = (await answer.json()) as { beans: Record<string, unknown>[] };
  const [only] = beans;
  if (only === undefined) throw new Error(`${url} has no ${bean} yet`);
  return only;
}
