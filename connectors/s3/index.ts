import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Connector, Sink, Store } from '../../core/spi.ts';
import type { S3Handle } from './handle.ts';
import { nodeSpoolDisk } from './node-spool-disk.ts';
import { SdkApi } from './sdk-api.ts';
import { connectionSettings, s3Settings, s3StoreSettings } from './settings.ts';
import { S3Sink, type S3SinkSettings } from './sink.ts';
import { S3Store } from './store.ts';

export type { S3Handle } from './handle.ts';

/** The keys of `sink` in YAML, without `type`. */
export type S3Options = Omit<z.input<typeof s3Settings>, 'type'>;
/** The keys of `checkpoints.store` in YAML, without `type`. */
export type S3StoreOptions = Omit<z.input<typeof s3StoreSettings>, 'type'>;

type StoreSettings = z.output<typeof s3StoreSettings>;

/** Objects in a bucket as the sink of a pipeline. Throws what zod throws for settings that are wrong. */
export function s3(options: S3Options): Sink<S3Handle> {
  return sinkOf(s3Settings.parse({ type: 's3', ...options }), process.cwd());
}

/** A bucket for checkpoints. Throws what zod throws for settings that are wrong. */
export function s3Store(options: S3StoreOptions): Store {
  return storeOf(s3StoreSettings.parse({ type: 's3', ...options }));
}

function sinkOf(settings: S3SinkSettings, baseDir: string): Sink<S3Handle> {
  const spool =
    settings.spool === undefined ? undefined : { directory: resolve(baseDir, settings.spool), disk: nodeSpoolDisk };
  return new S3Sink({ settings, api: new SdkApi({ settings, environment: process.env }), spool });
}

function storeOf(settings: StoreSettings): Store {
  const { bucket, prefix } = settings;
  return new S3Store({ bucket, prefix, api: new SdkApi({ settings, environment: process.env }) });
}

export const connector: Connector = {
  type: 's3',
  sink: {
    settings: s3Settings,
    create: (settings, { baseDir }) => sinkOf(settings as S3SinkSettings, baseDir),
  },
  store: {
    settings: s3StoreSettings,
    // Another place is not shown keys of this one, and ways to prove who asks do not mix.
    fromSink: { keys: Object.keys(connectionSettings), unless: ['endpoint', 'credentials', 'profile', 'roleArn'] },
    create: (settings) => storeOf(settings as StoreSettings),
  },
};
