import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3 } from '@aws-sdk/client-s3';
import { type GoProgram, requireGoProgram } from './go-program.ts';
import { requireJars } from './jars.ts';
import { freePort, type Guarded, spawnGuarded } from './process.ts';
import { waitFor } from './wait.ts';

/** Servers of different make. MinIO is the second opinion: it alone answers a repeated Complete with 404. */
export type S3Kind = 'versitygw' | 's3proxy' | 'minio';

/** Where a server is and who may use it. */
export interface S3Place {
  /** `http://host:port` */
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** An S3 server, owned by the caller: may be killed, paused and started again on the same port and data. */
export interface S3Server extends S3Place {
  readonly kind: S3Kind;
  readonly logPath: string;
  /** kill -9; resolves once the process is gone. */
  kill(): Promise<void>;
  /** Starts again after `kill`, and resolves once it answers. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Thrown by `startS3` where no such server can be had: tests skip with the message. */
export class NoS3 extends Error {}

export const testCredentials = { accessKeyId: 'test', secretAccessKey: 'testtest' } as const;
export const versitygwVersion = 'v1.8.0';
const startTimeoutMs = 60_000;

const goPrograms: Record<'versitygw' | 'minio', GoProgram> = {
  versitygw: {
    name: 'versitygw',
    package: 'github.com/versity/versitygw/cmd/versitygw',
    version: versitygwVersion,
    cost: 'two to four minutes, 80 MB',
  },
  minio: {
    name: 'minio',
    package: 'github.com/minio/minio',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    cost: 'four minutes or more, 150 MB',
  },
};

/** Starts a private server. It cannot outlive this process. */
export async function startS3(kind: S3Kind, say: (line: string) => void = () => {}): Promise<S3Server> {
  const program = await requireS3(kind, say);
  const server = new PrivateS3(kind, program, await freePort());
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** A client of the SDK, for tests: with bounds on how long it waits. */
export function s3Client({ endpoint, ...credentials }: S3Place, maxAttempts = 3): S3 {
  return new S3({
    endpoint,
    credentials,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 15_000 },
  });
}

/** How to start a kind: the command and its arguments for a folder and an address. */
type Program = (dir: string, address: string) => { command: string; args: string[]; env?: Record<string, string> };

/** Fetches or builds what a kind needs, once; throws `NoS3` where that cannot be. */
export async function requireS3(kind: S3Kind, say: (line: string) => void): Promise<Program> {
  if (kind === 's3proxy') {
    const jars = await requireJars('s3proxy', say);
    if (jars.kind === 'missing') throw new NoS3(jars.why);
    return (dir, address) => s3proxy(jars.classPath, dir, address);
  }
  const built = await requireGoProgram(goPrograms[kind], say);
  if (built.kind === 'missing') throw new NoS3(built.why);
  const { accessKeyId, secretAccessKey } = testCredentials;
  if (kind === 'versitygw') {
    const keys = ['--access', accessKeyId, '--secret', secretAccessKey];
    return (dir, address) => ({
      command: built.path,
      args: ['--port', address, ...keys, '--quiet', 'posix', join(dir, 'store')],
    });
  }
  const env = { MINIO_ROOT_USER: accessKeyId, MINIO_ROOT_PASSWORD: secretAccessKey, MINIO_BROWSER: 'off' };
  return (dir, address) => ({
    command: built.path,
    args: ['server', '--address', address, join(dir, 'store')],
    env,
  });
}

function s3proxy(classPath: string, dir: string, address: string): ReturnType<Program> {
  const properties = {
    's3proxy.endpoint': `http://${address}`,
    's3proxy.authorization': 'aws-v2-or-v4',
    's3proxy.identity': testCredentials.accessKeyId,
    's3proxy.credential': testCredentials.secretAccessKey,
    'jclouds.provider': 'filesystem-nio2',
    'jclouds.identity': 'unused',
    'jclouds.credential': 'unused',
    'jclouds.filesystem.basedir': join(dir, 'store'),
  };
  const file = join(dir, 's3proxy.properties');
  writeFileSync(
    file,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const jvm = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classPath];
  return { command: 'java', args: [...jvm, 'org.gaul.s3proxy.Main', '--properties', file] };
}

class PrivateS3 implements S3Server {
  readonly kind: S3Kind;
  readonly endpoint: string;
  readonly accessKeyId = testCredentials.accessKeyId;
  readonly secretAccessKey = testCredentials.secretAccessKey;
  readonly logPath: string;
  readonly #dir = mkdtempSync(join(tmpdir(), 'sluice-s3-'));
  readonly #start: ReturnType<Program>;
  #process: Guarded | undefined;

  constructor(kind: S3Kind, program: Program, port: number) {
    this.kind = kind;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.logPath = join(this.#dir, 'server.log');
    mkdirSync(join(this.#dir, 'store'));
    this.#start = program(this.#dir, `127.0.0.1:${port}`);
  }

  async restart(): Promise<void> {
    if (this.#process?.running) throw new Error('the S3 server is running');
    const started = await spawnGuarded({ ...this.#start, logPath: this.logPath, ownedDir: this.#dir });
    this.#process = started;
    const client = s3Client(this, 1);
    try {
      const answers = () => client.listBuckets({}).then(() => true);
      await waitFor(() => !started.running || answers(), {
        what: `an S3 server (${this.kind}) that answers on ${this.endpoint}`,
        timeoutMs: startTimeoutMs,
      });
      if (!started.running) throw new Error(`the S3 server (${this.kind}) ended with code ${await started.exited}`);
    } catch (error) {
      const tail = readFileSync(this.logPath, 'utf8').split('\n').slice(-15).join('\n');
      throw new Error(`${(error as Error).message}\n${tail}`, { cause: error });
    } finally {
      client.destroy();
    }
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
    appendFileSync(this.logPath, '--- killed ---\n');
  }

  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.#process?.end();
    rmSync(this.#dir, { recursive: true, force: true }); // a killed server leaves its data behind
  }
}
