import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who started the daemons, and may do everything: under simple authentication a name is all it takes. */
export const HDFS_SUPERUSER = 'hdfs';

/** Where one NameNode listens. */
export interface NameNodePorts {
  readonly rpc: number;
  readonly http: number;
}

export interface HdfsLayout {
  /** Holds everything: settings, data and logs. */
  readonly dir: string;
  /** One, or the two of a pair. */
  readonly nameNodes: readonly NameNodePorts[];
  readonly replication: number;
}

/** Hadoop's settings by name. */
export type HadoopSettings = Readonly<Record<string, string | number>>;

const HOST = '127.0.0.1';
/** The logical name of an HA pair. */
export const NAME_SERVICE = 'ns1';
export const nameNodeId = (index: number) => `nn${index + 1}`;

/**
 * Writes the folder that comes first in the class path of every daemon. The jars lack the web applications, which only have to
 * exist, and without log4j.properties a daemon ends without a word.
 */
export function writeHadoopSettings(layout: HdfsLayout): string {
  const conf = join(layout.dir, 'conf');
  for (const webapp of ['hdfs', 'datanode', 'journal', 'secondary'])
    mkdirSync(join(conf, 'webapps', webapp), { recursive: true });
  writeFileSync(join(conf, 'log4j.properties'), LOG4J);
  writeFileSync(join(conf, 'core-site.xml'), settingsXml(coreSettings(layout)));
  writeFileSync(join(conf, 'hdfs-site.xml'), settingsXml(hdfsSettings(layout)));
  return conf;
}

/** What tells one DataNode from another; given behind the class name, so that all share one folder of settings. */
export function dataNodeSettings(dir: string, ports: { data: number; ipc: number; http: number }): string[] {
  return [
    `-Ddfs.datanode.data.dir=file://${dir}`,
    `-Ddfs.datanode.address=${HOST}:${ports.data}`,
    `-Ddfs.datanode.ipc.address=${HOST}:${ports.ipc}`,
    `-Ddfs.datanode.http.address=${HOST}:${ports.http}`,
  ];
}

const LOG4J = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
`;

function coreSettings({ nameNodes: [first, second] }: HdfsLayout): HadoopSettings {
  return {
    'fs.defaultFS': `hdfs://${second === undefined ? `${HOST}:${first?.rpc}` : NAME_SERVICE}`,
    // No `id` is run to learn the groups of a user that this machine does not know.
    'hadoop.security.group.mapping': 'org.apache.hadoop.security.NullGroupsMapping',
    // The HTTP gateway runs as the superuser and acts for whoever asks.
    [`hadoop.proxyuser.${HDFS_SUPERUSER}.hosts`]: '*',
    [`hadoop.proxyuser.${HDFS_SUPERUSER}.groups`]: '*',
  };
}

function hdfsSettings({ dir, nameNodes, replication }: HdfsLayout): HadoopSettings {
  return {
    'dfs.replication': replication,
    'dfs.client.block.write.replace-datanode-on-failure.best-effort': 'true',
    'dfs.namenode.safemode.extension': 0,
    // A DataNode that is gone counts as dead after 2 rechecks and 10 heartbeats: 14 s instead of ten minutes.
    'dfs.heartbeat.interval': 1,
    'dfs.namenode.heartbeat.recheck-interval': 2_000,
    // Redirects lead to this name.
    'dfs.datanode.hostname': HOST,
    'dfs.namenode.datanode.registration.ip-hostname-check': 'false',
    'dfs.datanode.du.reserved': 0,
    'dfs.namenode.fs-limits.min-block-size': 4_096,
    'dfs.namenode.acls.enabled': 'true',
    // Listings in pages that a test can fill.
    'dfs.ls.limit': 100,
    ...(nameNodes.length === 1 ? singleSettings(dir, nameNodes[0] as NameNodePorts) : pairSettings(dir, nameNodes)),
  };
}

function singleSettings(dir: string, { http }: NameNodePorts): HadoopSettings {
  return {
    'dfs.namenode.name.dir': `file://${join(dir, nameNodeId(0))}`,
    'dfs.namenode.http-address': `${HOST}:${http}`,
  };
}

/** A pair that shares its edits in a folder, and fails over when it is told to: no ZooKeeper and no journal. */
function pairSettings(dir: string, nameNodes: readonly NameNodePorts[]): HadoopSettings {
  const each = nameNodes.flatMap(({ rpc, http }, index) => {
    const name = `${NAME_SERVICE}.${nameNodeId(index)}`;
    return [
      [`dfs.namenode.rpc-address.${name}`, `${HOST}:${rpc}`],
      [`dfs.namenode.http-address.${name}`, `${HOST}:${http}`],
      [`dfs.namenode.name.dir.${name}`, `file://${join(dir, nameNodeId(index))}`],
    ];
  });
  return {
    'dfs.nameservices': NAME_SERVICE,
    [`dfs.ha.namenodes.${NAME_SERVICE}`]: nameNodes.map((_, index) => nameNodeId(index)).join(','),
    ...Object.fromEntries(each),
    'dfs.namenode.shared.edits.dir': `file://${join(dir, 'edits')}`,
    [`dfs.client.failover.proxy.provider.${NAME_SERVICE}`]:
      'org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider',
    'dfs.ha.fencing.methods': 'shell(/bin/true)',
    'dfs.ha.tail-edits.period': 1,
    'dfs.ha.log-roll.period': 5,
  };
}

/** As Hadoop reads settings. */
export function settingsXml(settings: HadoopSettings): string {
  const properties = Object.entries(settings).map(
    ([name, value]) => `<property><name>${name}</name><value>${value}</value></property>\n`,
  );
  return `<configuration>\n${properties.join('')}</configuration>\n`;
}
