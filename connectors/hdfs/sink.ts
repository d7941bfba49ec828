import type { z } from 'zod';
import type {
  CheckContext,
  DiagnosisContext,
  Env,
  Finding,
  Named,
  OrphanListing,
  OrphanScope,
  Sink,
  SinkContext,
  SinkSession,
  Store,
  WriterEvents,
} from '../../core/spi.ts';
import { openPartWriter, type WriterTuning } from '../filesink/open-writer.ts';
import { PartNames } from '../filesink/part-name.ts';
import { HdfsCommitter } from './committer.ts';
import { diagnoseDirectory } from './diagnosis.ts';
import { Directories } from './directories.ts';
import { type HdfsHandle, hdfsHandles } from './handle.ts';
import { listOrphans } from './orphans.ts';
import type { hdfsSettings } from './settings.ts';
import { STAGING, Staging } from './staging.ts';
import { HdfsStore } from './store.ts';
import { requireUsable } from './usable.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { asStartError } from './webhdfs/errors.ts';

const SETTING = 'sink.path';

export type HdfsSinkSettings = z.output<typeof hdfsSettings>;

export interface HdfsSinkOptions {
  readonly settings: HdfsSinkSettings;
  readonly client: WebHdfs;
  /** For simulations. */
  readonly tuning?: WriterTuning | undefined;
}

/** Files in HDFS: staged beside their target, made visible by a rename that replaces nothing. */
export class HdfsSink implements Sink<HdfsHandle> {
  readonly type = 'hdfs';
  readonly identity: string;
  readonly handles = hdfsHandles;
  readonly #options: HdfsSinkOptions;
  readonly #root: string;

  constructor(options: HdfsSinkOptions) {
    this.#options = options;
    this.#root = options.settings.path;
    // NameNodes come, go and change their names; the output stays what it is.
    this.identity = `hdfs:${this.#root}`;
  }

  rootStore({ ids }: Env): Store {
    return new HdfsStore({ root: `${this.#root}/_sluice`, client: this.#options.client, ids });
  }

  /** Only looks: a path that cannot be written to is found before anything is made. */
  async check({ signal }: CheckContext): Promise<void> {
    try {
      for (const path of [this.#root, `${this.#root}/${STAGING}`])
        await requireUsable({ path, setting: SETTING, client: this.#options.client }, signal);
    } catch (error) {
      throw asStartError(error);
    }
  }

  diagnose(context: DiagnosisContext): AsyncIterable<Finding> {
    const { client, settings } = this.#options;
    const { permission, replication } = settings;
    const kept = { permission, replication };
    return diagnoseDirectory({ root: this.#root, temporary: STAGING, setting: SETTING, client, kept }, context);
  }

  async listOrphans(scope: OrphanScope, keep: Named<HdfsHandle>, { signal }: CheckContext): Promise<OrphanListing> {
    try {
      return await listOrphans({ root: this.#root, client: this.#options.client }, scope, keep, signal);
    } catch (error) {
      throw asStartError(error);
    }
  }

  async open(context: SinkContext): Promise<SinkSession<HdfsHandle>> {
    const { settings, client, tuning } = this.#options;
    const { permission, replication, takenByReaders } = settings;
    const { env, signal } = context;
    const root = this.#root;
    const directories = new Directories(client);
    const openWriter = async (events: WriterEvents) =>
      openPartWriter({
        settings,
        context,
        files: new Staging({ root, client, directories, permission, replication, timers: env.timers, signal }),
        names: new PartNames(context),
        events,
        handleKind: 'file',
        tuning,
      });
    const committer = new HdfsCommitter({ root, client, directories, log: env.log, takenByReaders });
    // Nothing is held open between calls: writers end their own requests.
    return { committer, openWriter, [Symbol.asyncDispose]: async () => {} };
  }
}
