import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type HdfsDaemon, hadoopJvmFlags, JvmDaemon, readBean, superuserEnv } from './hdfs-daemon.ts';
import { httpFsDaemon } from './hdfs-httpfs.ts';
import { dataNodeSettings, HDFS_SUPERUSER, nameNodeId, writeHadoopSettings } from './hdfs-settings.ts';
import { requireJars } from './jars.ts';
import { freePort } from './process.ts';
import { waitFor } from './wait.ts';

const run = promisify(execFile);

export interface HdfsOptions {
  dataNodes?: number;
  /** Two NameNodes, the first of them active. Nothing fails over by itself. */
  ha?: boolean;
  /** The HTTP gateway, too. */
  httpfs?: boolean;
  say?: (line: string) => void;
}

/** Where a cluster is. */
export interface HdfsPlace {
  /** `http://host:port` of every NameNode. */
  readonly urls: readonly string[];
  /** May do everything. */
  readonly user: string;
}

/** A cluster of JVMs, owned by the caller: each may be killed, stopped, paused and started again on its ports and data. */
export interface Hdfs extends HdfsPlace {
  readonly nameNodes: readonly HdfsDaemon[];
  readonly dataNodes: readonly HdfsDaemon[];
  /** Only with `httpfs`. */
  readonly httpfs: HdfsDaemon | undefined;
  readonly dir: string;
  /** Resolves once a NameNode is active, knows every running DataNode and is out of safe mode. */
  ready(): Promise<void>;
  /** Makes the NameNode of that index active, also when the other one is dead. */
  activate(index: number): Promise<void>;
  /** Runs `hdfs dfsadmin`, such as `-safemode enter`. */
  dfsAdmin(...args: string[]): Promise<string>;
  /** Lets go of the lease that a writer holds which is gone, as WebHDFS cannot. */
  recoverLease(path: string): Promise<void>;
  /** Ends everything and removes the data. */
  stop(): Promise<void>;
}

/** Thrown by `startHdfs` where no cluster can be had: tests skip with the message. */
export class NoHdfs extends Error {}

const HADOOP = 'org.apache.hadoop.hdfs';

/** Starts a private cluster from the jars of pom.xml. It cannot outlive this process. */
export async function startHdfs(options: HdfsOptions = {}): Promise<Hdfs> {
  const { dataNodes = 1, ha = false, httpfs = false, say = () => {} } = options;
  const jars = await requireJars('hdfs', say);
  if (jars.kind === 'missing') throw new NoHdfs(jars.why);
  const gatewayJars = httpfs ? await requireJars('httpfs', say) : undefined;
  if (gatewayJars?.kind === 'missing') throw new NoHdfs(gatewayJars.why);
  const cluster = await JvmCluster.create(jars.classPath, gatewayJars?.classPath, dataNodes, ha);
  try {
    await cluster.startFresh();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class JvmCluster implements Hdfs {
  readonly user = HDFS_SUPERUSER;
  readonly nameNodes: readonly JvmDaemon[];
  readonly dataNodes: readonly JvmDaemon[];
  readonly httpfs: JvmDaemon | undefined;
  readonly dir: string;
  readonly #classPath: string;

  private constructor(dir: string, classPath: string, { nameNodes, dataNodes, httpfs }: Daemons) {
    this.dir = dir;
    this.#classPath = classPath;
    this.nameNodes = nameNodes;
    this.dataNodes = dataNodes;
    this.httpfs = httpfs;
  }

  static async create(jars: string, gatewayJars: string | undefined, dataNodes: number, ha: boolean) {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-hdfs-'));
    mkdirSync(join(dir, 'log'));
    mkdirSync(join(dir, 'edits'));
    const ports = [];
    for (let index = 0; index < (ha ? 2 : 1); index++) ports.push({ rpc: await freePort(), http: await freePort() });
    const conf = writeHadoopSettings({ dir, nameNodes: ports, replication: Math.min(dataNodes, 3) });
    const classPath = [conf, jars].join(delimiter);
    const daemons: Daemons = { nameNodes: [], dataNodes: [], httpfs: undefined };
    for (const [index, { http }] of ports.entries()) daemons.nameNodes.push(nameNode(dir, classPath, index, http, ha));
    for (let index = 0; index < dataNodes; index++) daemons.dataNodes.push(await dataNode(dir, classPath, index));
    if (gatewayJars !== undefined) daemons.httpfs = await httpFsDaemon(dir, conf, gatewayJars);
    return new JvmCluster(dir, classPath, daemons);
  }

  get urls(): string[] {
    return this.nameNodes.map(({ url }) => url);
  }

  async startFresh(): Promise<void> {
    const [first, second] = this.nameNodes as [JvmDaemon, JvmDaemon?];
    const nameNodeClass = `${HADOOP}.server.namenode.NameNode`;
    await this.#java(nameNodeClass, ...idOf(second && 0), '-format', '-nonInteractive', '-force');
    await Promise.all([first, ...this.dataNodes].map((daemon) => daemon.launch()));
    await first.ready();
    if (second !== undefined) {
      await this.#java(nameNodeClass, ...idOf(1), '-bootstrapStandby', '-nonInteractive', '-force');
      await second.start();
      await this.#java(`${HADOOP}.tools.DFSHAAdmin`, '-transitionToActive', nameNodeId(0));
    }
    await this.ready();
    await this.httpfs?.start();
  }

  async ready(): Promise<void> {
    const isWhole = async ({ url }: HdfsDaemon) => {
      const { State } = await readBean(url, 'Hadoop:service=NameNode,name=NameNodeStatus');
      const { NumLiveDataNodes } = await readBean(url, 'Hadoop:service=NameNode,name=FSNamesystemState');
      const { Safemode } = await readBean(url, 'Hadoop:service=NameNode,name=NameNodeInfo');
      const expected = this.dataNodes.filter(({ running }) => running).length;
      return State === 'active' && Safemode === '' && Number(NumLiveDataNodes) >= expected;
    };
    const running = this.nameNodes.filter((daemon) => daemon.running);
    await waitFor(async () => (await Promise.allSettled(running.map(isWhole))).some(isTrue), {
      what: `an active NameNode among ${running.map(({ url }) => url).join(', ')} out of safe mode, with its DataNodes`,
      timeoutMs: 60_000,
      everyMs: 50,
    });
    await Promise.all(this.dataNodes.filter((daemon) => daemon.running).map((daemon) => daemon.ready()));
  }

  async activate(index: number): Promise<void> {
    const other = nameNodeId(1 - index);
    await this.#java(`${HADOOP}.tools.DFSHAAdmin`, '-failover', '--forceactive', other, nameNodeId(index));
  }

  dfsAdmin(...args: string[]): Promise<string> {
    return this.#java(`${HADOOP}.tools.DFSAdmin`, ...args);
  }

  async recoverLease(path: string): Promise<void> {
    await this.#java(`${HADOOP}.tools.DebugAdmin`, 'recoverLease', '-path', path, '-retries', '5');
  }

  async stop(): Promise<void> {
    const all = [...this.nameNodes, ...this.dataNodes, ...(this.httpfs ? [this.httpfs] : [])];
    await Promise.all(all.map((daemon) => daemon.end()));
    rmSync(this.dir, { recursive: true, force: true }); // killed daemons leave their data behind
  }

  async #java(mainClass: string, ...args: string[]): Promise<string> {
    const command = [...hadoopJvmFlags(this.#classPath), mainClass, ...args];
    try {
      const { stdout, stderr } = await run('java', command, { env: { ...process.env, ...superuserEnv } });
      appendFileSync(join(this.dir, 'log', 'commands.log'), `--- ${args.join(' ')}\n${stderr}`);
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const tail = `${stderr}${stdout}`.trim().split('\n').slice(-10).join('\n');
      throw new Error(`${mainClass} ${args.join(' ')} failed:\n${tail}`, { cause: error });
    }
  }
}

interface Daemons {
  nameNodes: JvmDaemon[];
  dataNodes: JvmDaemon[];
  httpfs: JvmDaemon | undefined;
}

const isTrue = (result: PromiseSettledResult<boolean>) => result.status === 'fulfilled' && result.value;

/** A NameNode of a pair is told which of them it is. */
const idOf = (index: number | undefined) => (index === undefined ? [] : [`-Ddfs.ha.namenode.id=${nameNodeId(index)}`]);

function nameNode(dir: string, classPath: string, index: number, httpPort: number, ha: boolean): JvmDaemon {
  const url = `http://127.0.0.1:${httpPort}`;
  return new JvmDaemon({
    name: `NameNode ${nameNodeId(index)}`,
    url,
    args: [...hadoopJvmFlags(classPath), `${HADOOP}.server.namenode.NameNode`, ...idOf(ha ? index : undefined)],
    logPath: join(dir, 'log', `${nameNodeId(index)}.log`),
    ownedDir: dir,
    // One of a pair comes up as standby, a single one may be in safe mode until the blocks are reported: see `ready`.
    isReady: async () => {
      const { State } = await readBean(url, 'Hadoop:service=NameNode,name=NameNodeStatus');
      return State === 'active' || State === 'standby';
    },
  });
}

async function dataNode(dir: string, classPath: string, index: number): Promise<JvmDaemon> {
  const ports = { data: await freePort(), ipc: await freePort(), http: await freePort() };
  const url = `http://127.0.0.1:${ports.http}`;
  const settings = dataNodeSettings(join(dir, `dn${index + 1}`), ports);
  return new JvmDaemon({
    name: `DataNode dn${index + 1}`,
    url,
    args: [...hadoopJvmFlags(classPath), `${HADOOP}.server.datanode.DataNode`, ...settings],
    logPath: join(dir, 'log', `dn${index + 1}.log`),
    ownedDir: dir,
    isReady: async () => {
      const { BPServiceActorInfo } = await readBean(url, 'Hadoop:service=DataNode,name=DataNodeInfo');
      const actors = JSON.parse(String(BPServiceActorInfo)) as { ActorState: string }[];
      return actors.length > 0 && actors.some(({ ActorState }) => ActorState === 'RUNNING');
    },
  });
}
