import { assert, type CallOptions, type DiagnosisContext, type Env, type Finding, type Store } from '../../core/spi.ts';
import { keysOfTree } from '../filesink/key-tree.ts';
import { diagnoseDirectory } from './diagnosis.ts';
import { Directories, parentOf } from './directories.ts';
import type { FileStatus } from './webhdfs/answers.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { asStartError, isHdfsError } from './webhdfs/errors.ts';

/** Where slots are written before they have their name. No key begins with a dot, so no listing shows it. */
const TEMPORARY = '.tmp';
/** Far longer than any write takes. Whoever is paused for longer than this finds nothing to rename, and makes no slot. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;
const SEGMENT = /^[a-z0-9_-][a-z0-9._-]*$/;

export interface HdfsStoreOptions {
  /** Absolute, without a slash at its end. */
  readonly root: string;
  readonly client: WebHdfs;
  readonly ids: Env['ids'];
}

/** Slots as files: whole from the moment they have their name, which a rename gives to one writer alone. */
export class HdfsStore implements Store {
  readonly identity: string;
  readonly #options: HdfsStoreOptions;
  readonly #directories: Directories;
  /** The cluster has taken a slot of ours, so what it refuses later may be mended while we try again. */
  #hasWritten = false;
  #hasTidied = false;

  constructor(options: HdfsStoreOptions) {
    this.#options = options;
    this.#directories = new Directories(options.client);
    this.identity = `hdfs:${options.root}`;
  }

  async createIfAbsent(key: string, bytes: Uint8Array, options: CallOptions = {}): Promise<'created' | 'exists'> {
    const slot = this.#pathOf(key);
    try {
      const result = await this.#create(slot, bytes, options);
      this.#hasWritten = true;
      return result;
    } catch (error) {
      throw this.#hasWritten ? error : asStartError(error);
    }
  }

  async get(key: string, { signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(key);
    try {
      return await this.#options.client.read(path, { signal });
    } catch (error) {
      if (isHdfsError(error, 'notFound', 'parentNotDirectory')) return undefined;
      throw error;
    }
  }

  async list(prefix: string, startAfter: string, options: CallOptions = {}): Promise<string[]> {
    return await keysOfTree(prefix, startAfter, (directory) => this.#entriesOf(directory, options));
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#options.client.delete(this.#pathOf(key), { signal });
  }

  diagnose(context: DiagnosisContext): AsyncIterable<Finding> {
    const { root, client } = this.#options;
    return diagnoseDirectory({ root, temporary: TEMPORARY, setting: 'checkpoints', client }, context);
  }

  async #create(slot: string, bytes: Uint8Array, { signal }: CallOptions): Promise<'created' | 'exists'> {
    const { root, client, ids } = this.#options;
    const name = ids.hex(16);
    const temporary = `${root}/${TEMPORARY}/${name}`;
    try {
      await this.#directories.ensure(parentOf(slot), { signal });
      await client.create(temporary, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { signal });
      await this.#tidyOnce(name, signal);
      const renamed = await this.#rename(temporary, slot, signal);
      if (renamed === 'created') return 'created';
      await this.#removeTemporary(temporary, signal);
      return renamed;
    } catch (error) {
      // Its name is never used again; a rename that is still under way then finds nothing, or was faster.
      await this.#removeTemporary(temporary, signal);
      throw error;
    }
  }

  async #rename(temporary: string, slot: string, signal: AbortSignal | undefined): Promise<'created' | 'exists'> {
    const { client } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await client.rename(temporary, slot, { signal });
        return 'created';
      } catch (error) {
        if (isHdfsError(error, 'exists')) return 'exists';
        // HttpFS does not say why.
        if (isHdfsError(error, 'notRenamed') && (await client.getFileStatus(slot, { signal })) !== undefined)
          return 'exists';
        if (attempt > 1 || !isHdfsError(error, 'notFound', 'notRenamed')) throw error;
        // Somebody removed the directory while we ran. The slot is still written: whoever lists it sees that the others are gone.
        this.#directories.forget();
        await this.#directories.ensure(parentOf(slot), { signal });
      }
    }
  }

  /** Removes what writers have left that ended amid a write. By the clock of the cluster, which has just written our own. */
  async #tidyOnce(own: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.#hasTidied) return;
    this.#hasTidied = true;
    const { root, client } = this.#options;
    try {
      const entries = await this.#entriesOf(TEMPORARY, { signal });
      const writtenAtMs = entries.find(({ name }) => name === own)?.modifiedAtMs ?? 0;
      for (const { name, modifiedAtMs } of entries)
        if (writtenAtMs - modifiedAtMs > LEFT_OVER_MS) await client.delete(`${root}/${TEMPORARY}/${name}`, { signal });
    } catch {
      // It is in nobody's way, and the next start tries again.
    }
  }

  async #removeTemporary(path: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#options.client.delete(path, { signal }).catch(() => {}); // one left over is in no listing and never read again
  }

  async #entriesOf(directory: string, { signal }: CallOptions): Promise<FileStatus[]> {
    const path = `${this.#options.root}/${directory}`.replace(/\/$/, '');
    const entries: FileStatus[] = [];
    try {
      for await (const entry of this.#options.client.listStatusBatch(path, { signal })) {
        // A file is listed as itself, without a name.
        if (entry.name !== '') entries.push(entry);
      }
    } catch (error) {
      if (isHdfsError(error, 'notFound', 'parentNotDirectory')) return [];
      throw error;
    }
    return entries;
  }

  #pathOf(key: string): string {
    assert(
      key.split('/').every((segment) => SEGMENT.test(segment)),
      `${key} is a key of plain segments`,
    );
    return `${this.#options.root}/${key}`;
  }
}
