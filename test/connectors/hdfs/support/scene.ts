import type { z } from 'zod';
import { Directories } from '../../../../connectors/hdfs/directories.ts';
import { hdfsSettings } from '../../../../connectors/hdfs/settings.ts';
import { HdfsSink } from '../../../../connectors/hdfs/sink.ts';
import { Staging, type StagingOptions } from '../../../../connectors/hdfs/staging.ts';
import { HdfsStore } from '../../../../connectors/hdfs/store.ts';
import type { CallsEnv } from '../../../../connectors/hdfs/webhdfs/calls.ts';
import { WebHdfs } from '../../../../connectors/hdfs/webhdfs/client.ts';
import { WireError, type WireExchange } from '../../../../connectors/hdfs/webhdfs/wire.ts';
import { systemEnv } from '../../../../core/runtime/system-env.ts';
import { modelExchange } from '../../../../testing/hdfs/exchange.ts';
import { HdfsModel } from '../../../../testing/hdfs/model.ts';
import type { Interpose } from '../../../../testing/interposed.ts';

export const ROOT = '/data/clicks';
export const STORE_ROOT = '/data/_sluice';
const USER = 'hdfs';

export type SinkInput = Partial<Omit<z.input<typeof hdfsSettings>, 'type'>>;

const plainly: Interpose = (_, effect) => effect();
/** A connection that ends before an answer has come. */
export const cut = () => new WireError('socket hang up', { isSent: true, code: 'ECONNRESET' });

export interface SceneOptions {
  /** What becomes of requests; nothing by default. */
  readonly call?: Interpose;
  /** Through the gateway of the model instead of its NameNode. */
  readonly throughGateway?: boolean;
  /** Instead of all NameNodes of the model. */
  readonly urls?: readonly string[];
  /** The clock that the client waits by. */
  readonly env?: CallsEnv;
  /** The way to the model, instead of one without sockets. */
  readonly wire?: WireExchange;
}

export const GATEWAY = 'http://gateway.test:14000';
export const newModel = (options: ConstructorParameters<typeof HdfsModel>[0] = {}) => new HdfsModel(options);

export function settingsOf(model: HdfsModel, input: SinkInput = {}, options: SceneOptions = {}) {
  const { throughGateway = false, urls = throughGateway ? [GATEWAY] : model.nameNodes.map(({ url }) => url) } = options;
  return hdfsSettings.parse({ type: 'hdfs', urls, user: USER, path: ROOT, format: 'ndjson', ...input });
}

/** The real client on a model: everything but the network. */
export function clientOn(model: HdfsModel, options: SceneOptions = {}): WebHdfs {
  const settings = settingsOf(model, {}, options);
  const negotiate = () => Promise.reject(new Error('nobody asked for Kerberos'));
  const { call = plainly, env = systemEnv(), wire = modelExchange(model, call) } = options;
  return new WebHdfs({ settings, wire, env, negotiate });
}

export function sinkOn(model: HdfsModel, input: SinkInput = {}, options: SceneOptions = {}): HdfsSink {
  return new HdfsSink({ settings: settingsOf(model, input, options), client: clientOn(model, options) });
}

const KEPT = { permission: undefined, replication: undefined };

/** What the writers of one incarnation stage with. */
export function stagingOn(
  client: WebHdfs,
  {
    signal = new AbortController().signal,
    timers = systemEnv().timers,
  }: Partial<Pick<StagingOptions, 'signal' | 'timers'>> = {},
): Staging {
  const directories = new Directories(client);
  return new Staging({ ...KEPT, root: ROOT, client, directories, timers, signal });
}

export function storeOn(model: HdfsModel, options: SceneOptions = {}): HdfsStore {
  return new HdfsStore({ root: STORE_ROOT, client: clientOn(model, options), ids: systemEnv().ids });
}

/** What a reader of the sink's directory sees. */
export function visibleIn(model: HdfsModel): Map<string, string[]> {
  const below = model.files().filter(([path]) => path.startsWith(`${ROOT}/`));
  const visible = below.filter(([path]) => !/\/[._]/.test(path.slice(ROOT.length)));
  return new Map(visible.map(([path, { bytes }]) => [path, bytes.toString().split('\n').slice(0, -1)]));
}

export function stagedIn(model: HdfsModel): string[] {
  return model.files().flatMap(([path]) => (path.startsWith(`${ROOT}/.staging/`) ? [path] : []));
}
