import { execFile } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { requireJars } from './jars.ts';
import { freePort, type Guarded, spawnGuarded } from './process.ts';
import { waitFor } from './wait.ts';

const run = promisify(execFile);

export interface BrokerOptions {
  /** Further lines of server.properties; they win over the built-in ones. */
  properties?: Record<string, string>;
  /** Further listeners by name, for example `{ TLS: 'SSL' }`. Settings of each go to `properties` as `listener.name.tls...`. */
  listeners?: Record<string, 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'>;
  /** Further arguments of `kafka-storage format`, for example `['--add-scram', 'SCRAM-SHA-256=[name=ann,password=secret]']`. */
  formatArgs?: readonly string[];
  say?: (line: string) => void;
}

/** A Kafka server of one node, owned by the caller: may be killed, paused and started again on the same port and data. */
export interface Broker {
  /** `127.0.0.1:port` of the plain listener. */
  readonly brokers: string;
  /** Address of each listener by name; the plain one is `PLAINTEXT`. */
  readonly listeners: Readonly<Record<string, string>>;
  readonly dir: string;
  readonly logPath: string;
  /** The class path of the Kafka jars, for the Java tools. */
  readonly classPath: string;
  /** kill -9; resolves once the process is gone. */
  kill(): Promise<void>;
  /** Starts again after `kill`, and resolves once it answers. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Thrown by `startBroker` where no private broker can be had: tests skip with the message. */
export class NoBroker extends Error {}

const startTimeoutMs = 90_000;

/** Starts a private broker from the jars of pom.xml. It cannot outlive this process. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const jars = await requireJars('kafka', options.say ?? (() => {}));
  if (jars.kind === 'missing') throw new NoBroker(jars.why);
  const dir = mkdtempSync(join(tmpdir(), 'sluice-kafka-'));
  try {
    return await PrivateBroker.create(dir, jars.classPath, options);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

class PrivateBroker implements Broker {
  readonly brokers: string;
  readonly listeners: Readonly<Record<string, string>>;
  readonly dir: string;
  readonly logPath: string;
  readonly classPath: string;
  #process: Guarded | undefined;

  private constructor(dir: string, classPath: string, listeners: Record<string, string>) {
    this.dir = dir;
    this.classPath = classPath;
    this.listeners = listeners;
    this.brokers = listeners.PLAINTEXT ?? '';
    this.logPath = join(dir, 'broker.log');
  }

  static async create(dir: string, classPath: string, options: BrokerOptions): Promise<PrivateBroker> {
    const protocols = { PLAINTEXT: 'PLAINTEXT', ...options.listeners };
    const listeners: Record<string, string> = {};
    for (const name of Object.keys(protocols)) listeners[name] = `127.0.0.1:${await freePort()}`;
    const broker = new PrivateBroker(dir, classPath, listeners);
    const properties = { ...serverProperties(dir, protocols, listeners, await freePort()), ...options.properties };
    const config = join(dir, 'server.properties');
    writeFileSync(
      config,
      Object.entries(properties)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const format = ['kafka.tools.StorageTool', 'format', '-t', 'c2x1aWNlLXRlc3Qta2Fma2', '-c', config];
    await run('java', [...jvmFlags(classPath, 256), ...format, ...(options.formatArgs ?? [])]);
    await broker.restart();
    return broker;
  }

  async restart(): Promise<void> {
    if (this.#process?.running) throw new Error('the broker is running');
    const started = await spawnGuarded({
      command: 'java',
      args: [...jvmFlags(this.classPath, 768), 'kafka.Kafka', join(this.dir, 'server.properties')],
      logPath: this.logPath,
      ownedDir: this.dir,
    });
    this.#process = started;
    try {
      await waitFor(() => !started.running || answersAsController(this.brokers), {
        what: `a Kafka broker that answers on ${this.brokers}`,
        timeoutMs: startTimeoutMs,
        everyMs: 50,
      });
      if (!started.running) throw new Error(`the Kafka broker ended with code ${await started.exited}`);
    } catch (error) {
      const tail = readFileSync(this.logPath, 'utf8').split('\n').slice(-15).join('\n');
      await started.end();
      throw new Error(`${(error as Error).message}\n${tail}`, { cause: error });
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
    rmSync(this.dir, { recursive: true, force: true }); // a killed broker leaves its data behind
  }
}

function jvmFlags(classPath: string, heapMb: number): string[] {
  return [`-Xmx${heapMb}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-cp', classPath];
}

function serverProperties(
  dir: string,
  protocols: Record<string, string>,
  listeners: Record<string, string>,
  controllerPort: number,
): Record<string, string> {
  const addresses = Object.entries(listeners).map(([name, address]) => `${name}://${address}`);
  const controller = `127.0.0.1:${controllerPort}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: [...addresses, `CONTROLLER://${controller}`].join(','),
    'advertised.listeners': addresses.join(','),
    'listener.security.protocol.map': [
      ...Object.entries(protocols).map(([name, protocol]) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(dir, 'log'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // A killed broker may register again only once its old session is over; 9 s by default.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '400',
    // Deleted records and topics are gone while a test still watches.
    'log.retention.check.interval.ms': '1000',
    'file.delete.delay.ms': '1000',
  };
}

async function answersAsController(brokers: string): Promise<boolean> {
  const admin = kafkaClient(brokers).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    const { brokers: nodes, controller } = await admin.describeCluster();
    return nodes.length > 0 && controller !== null;
  } finally {
    await admin.disconnect();
  }
}

/** A plain kafkajs client that keeps quiet. */
export function kafkaClient(brokers: string): Kafka {
  return new Kafka({
    clientId: 'sluice-test',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 20 },
  });
}
