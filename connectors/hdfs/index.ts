import { z } from 'zod';
import { type Connector, type Sink, type Store, systemEnv } from '../../core/spi.ts';
import type { HdfsHandle } from './handle.ts';
import {
  checkHdfsConnection,
  type HdfsConnection,
  hdfsConnectionSettings,
  hdfsSettings,
  hdfsStoreSettings,
} from './settings.ts';
import { HdfsSink, type HdfsSinkSettings } from './sink.ts';
import { HdfsStore } from './store.ts';
import type { CallsEnv } from './webhdfs/calls.ts';
import { WebHdfs } from './webhdfs/client.ts';
import { NodeWire } from './webhdfs/node-wire.ts';
import { negotiateByKerberos } from './webhdfs/spnego.ts';

export type { HdfsHandle } from './handle.ts';
export type { ContentSummary, FileStatus } from './webhdfs/answers.ts';
export type { AccessMode, CreateOptions, HdfsBody, RangeOptions, WebHdfs } from './webhdfs/client.ts';
export { HdfsError, type HdfsReason, isHdfsError } from './webhdfs/errors.ts';

const connection = z.strictObject(hdfsConnectionSettings).superRefine(checkHdfsConnection);

/** How to reach a cluster, and as whom: the same keys as in YAML. */
export type WebHdfsOptions = z.input<typeof connection>;

/** The keys of `sink` in YAML, without `type`. */
export type HdfsOptions = Omit<z.input<typeof hdfsSettings>, 'type'>;
/** The keys of `checkpoints.store` in YAML, without `type`. */
export type HdfsStoreOptions = Omit<z.input<typeof hdfsStoreSettings>, 'type'>;

type StoreSettings = z.output<typeof hdfsStoreSettings>;

/** A client of HDFS. Throws what zod throws for settings that are wrong; connects with the first call. */
export function webHdfs(options: WebHdfsOptions, env: CallsEnv = systemEnv()): WebHdfs {
  return clientOf(connection.parse(options), env);
}

/** Files in HDFS as the sink of a pipeline. Throws what zod throws for settings that are wrong. */
export function hdfs(options: HdfsOptions): Sink<HdfsHandle> {
  return sinkOf(hdfsSettings.parse({ type: 'hdfs', ...options }));
}

/** A directory of HDFS for checkpoints. Throws what zod throws for settings that are wrong. */
export function hdfsStore(options: HdfsStoreOptions): Store {
  return storeOf(hdfsStoreSettings.parse({ type: 'hdfs', ...options }));
}

function sinkOf(settings: HdfsSinkSettings): Sink<HdfsHandle> {
  return new HdfsSink({ settings, client: clientOf(settings, systemEnv()) });
}

function storeOf(settings: StoreSettings): Store {
  const env = systemEnv();
  return new HdfsStore({ root: settings.path, client: clientOf(settings, env), ids: env.ids });
}

function clientOf(settings: HdfsConnection, env: CallsEnv): WebHdfs {
  return new WebHdfs({ settings, wire: new NodeWire({ timers: env.timers }), env, negotiate: negotiateByKerberos });
}

export const connector: Connector = {
  type: 'hdfs',
  sink: { settings: hdfsSettings, create: (settings) => sinkOf(settings as HdfsSinkSettings) },
  store: {
    settings: hdfsStoreSettings,
    fromSink: { keys: Object.keys(hdfsConnectionSettings), unless: ['urls'] },
    create: (settings) => storeOf(settings as StoreSettings),
  },
};
