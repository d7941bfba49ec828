import type { z } from 'zod';
import {
  type CheckContext,
  type Env,
  type OrphanListing,
  type OrphanScope,
  type PendingHandle,
  type Sink,
  type SinkContext,
  type SinkSession,
  SluiceError,
  type Store,
} from '../../core/spi.ts';
import { PartWriter } from '../filesink/part-writer.ts';
import { lineFormat } from '../formats/line-formats.ts';
import { HdfsCommitter } from './committer.ts';
import { Directories, parentOf } from './directories.ts';
import { type HdfsHandle, hdfsHandles } from './handle.ts';
import { listOrphans } from './orphans.ts';
import type { hdfsSettings } from './settings.ts';
import { STAGING, Staging } from './staging.ts';
import { HdfsStore } from './store.ts';
import type { FileStatus } from './webhdfs/answers.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { asStartError, isHdfsError } from './webhdfs/errors.ts';

export type HdfsSinkSettings = z.output<typeof hdfsSettings>;

export interface HdfsSinkOptions {
  readonly settings: HdfsSinkSettings;
  readonly client: WebHdfs;
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
      for (const path of [this.#root, `${this.#root}/${STAGING}`]) await this.#requireUsable(path, signal);
    } catch (error) {
      throw asStartError(error);
    }
  }

  async listOrphans(
    scope: OrphanScope,
    keep: readonly PendingHandle<HdfsHandle>[],
    { signal }: CheckContext,
  ): Promise<OrphanListing> {
    try {
      return await listOrphans({ root: this.#root, client: this.#options.client }, scope, keep, signal);
    } catch (error) {
      throw asStartError(error);
    }
  }

  async open(context: SinkContext): Promise<SinkSession<HdfsHandle>> {
    const { settings, client } = this.#options;
    const { permission, replication, takenByReaders, roll, maxOpenParts } = settings;
    const { env, signal } = context;
    const root = this.#root;
    const directories = new Directories(client);
    const { line, extension } = lineFormat(settings);
    const openWriter = async () =>
      new PartWriter({
        owner: context,
        files: new Staging({ root, client, directories, permission, replication, signal }),
        handleKind: 'file',
        line,
        extension,
        roll,
        openPartsMax: maxOpenParts,
      });
    const committer = new HdfsCommitter({ root, client, directories, log: env.log, takenByReaders });
    // Nothing is held open between calls: writers end their own requests.
    return { committer, openWriter, [Symbol.asyncDispose]: async () => {} };
  }

  /** The path, or the nearest directory above it that exists, must take new names. */
  async #requireUsable(path: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    let nearest = path;
    let status = await this.#look(nearest, signal);
    while (status === undefined && nearest !== '/') {
      nearest = parentOf(nearest);
      status = await this.#look(nearest, signal);
    }
    if (status?.kind !== 'directory') throw notADirectory(path, nearest);
    if (await client.checkAccess(nearest, '-wx', { signal })) return;
    throw new SluiceError('config', 'HDFS_ACCESS_DENIED', {
      message: `sink.path: this user may not write into hdfs:${nearest}`,
      help: 'Give the user w and x on this directory, or choose another path.',
      details: { path, nearest },
    });
  }

  async #look(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    try {
      return await this.#options.client.getFileStatus(path, { signal });
    } catch (error) {
      // A file above it: what stands in the way is found one step further up.
      if (isHdfsError(error, 'parentNotDirectory')) return undefined;
      throw error;
    }
  }
}

function notADirectory(path: string, nearest: string): SluiceError {
  return new SluiceError('config', 'HDFS_NOT_A_DIRECTORY', {
    message: `sink.path: hdfs:${path} cannot be a directory, because ${nearest} is something else`,
    help: 'Choose another path, or move that away.',
    details: { path, nearest },
  });
}
