import type { CallOptions } from '../../../core/spi.ts';
import { ANSWERS, type ContentSummary, type FileStatus } from './answers.ts';
import { trackedBody } from './body.ts';
import { type Call, Calls, type CallsParts } from './calls.ts';
import { HdfsError, isHdfsError } from './errors.ts';
import { EXISTS, NOT_RENAMED, REFUSED } from './meanings.ts';
import { requireListable, requirePath } from './path.ts';
import { readBytes } from './remote-answer.ts';

export type HdfsBody = Buffer | AsyncIterable<Buffer>;

export interface CreateOptions extends CallOptions {
  /** False by default: it is refused where a file exists already. */
  overwrite?: boolean;
  /** Of a stream: how long it will be, which is then checked. */
  bodyBytes?: number;
  /** Octal, for example `640`. */
  permission?: string | undefined;
  replication?: number | undefined;
  blockBytes?: number | undefined;
}

export interface RangeOptions extends CallOptions {
  /** From here; 0 by default. */
  offset?: number;
  /** So many at most; to the end by default. */
  bytesMax?: number;
}

/** What the caller may want to do: see `checkAccess`. */
export type AccessMode = 'r--' | '-w-' | '--x' | 'rw-' | 'r-x' | '-wx' | 'rwx';

/**
 * HDFS over HTTP (the WebHDFS REST API), by NameNodes, HttpFS or Knox. Paths are absolute, `/a/b`.
 *
 * Every call rejects with an `HdfsError`, whose `reason` says what is known. What can be asked twice is asked again for up to a
 * minute; the other calls only while nothing can have happened. When they reject with `unknown`, look what is there.
 */
export class WebHdfs {
  readonly #calls: Calls;
  #server: 'auto' | 'namenode' | 'httpfs';

  constructor(parts: CallsParts) {
    this.#calls = new Calls(parts);
    this.#server = parts.settings.server;
  }

  /** The URL that was asked last, or will be first. */
  get url(): string {
    return this.#calls.nameNodes.current;
  }

  /** What answers, as far as its answers to `create` and `rename` have shown it or the settings say; Knox passes for what is behind it. */
  get server(): 'namenode' | 'httpfs' | undefined {
    return this.#server === 'auto' ? undefined : this.#server;
  }

  /**
   * Writes a file whole, and makes missing directories. Resolves when the cluster has it. When it rejects, or this process dies,
   * a shorter file that looks like any other may remain: use a name that nobody reads, look at the length, then rename.
   * What the stream throws is thrown on.
   */
  async create(path: string, body: HdfsBody, options: CreateOptions = {}): Promise<void> {
    const { overwrite = false, permission, replication, blockBytes, bodyBytes, signal } = options;
    const query = { overwrite, permission, replication, blocksize: blockBytes };
    requirePath(path);
    await this.#calls.proveActive(signal);
    await this.#write({ name: 'CREATE', path, query, signal }, body, bodyBytes);
  }

  /** Adds to the end of a file that exists and that nobody writes. After a failure some of it may have been added. */
  async append(path: string, body: HdfsBody, { bodyBytes, signal }: CallOptions & { bodyBytes?: number } = {}) {
    await this.#write({ name: 'APPEND', path, signal }, body, bodyBytes);
  }

  /** The bytes of a file. The stream rejects when it breaks off, and holds a connection until it is read or given up. */
  async open(path: string, options: RangeOptions = {}): Promise<AsyncIterable<Buffer>> {
    const { offset, bytesMax, signal } = options;
    const call: Call = { name: 'OPEN', path, query: { offset, length: bytesMax }, signal };
    return await this.#repeat(call, () => this.#calls.openData(call));
  }

  /** All bytes of a small file. */
  async read(path: string, options: RangeOptions = {}): Promise<Buffer> {
    const { offset, bytesMax, signal } = options;
    const call: Call = { name: 'OPEN', path, query: { offset, length: bytesMax }, signal };
    return await this.#repeat(call, async () => await readBytes(await this.#calls.openData(call)));
  }

  /**
   * Gives a file or directory another name, and refuses (`exists`) where something has that name. `notFound` names the source or
   * the directory of the target. Never repeated after doubt: look at both names then.
   *
   * HttpFS renames without that care, and would move into a directory. There the target is looked at first, which is no
   * protection against somebody else at the same moment, and `notRenamed` may mean any of it.
   */
  async rename(from: string, to: string, { signal }: CallOptions = {}): Promise<void> {
    requirePath(to);
    const query = { destination: to, renameoptions: 'NONE' };
    const call: Call = { name: 'RENAME', path: from, target: to, query, signal };
    if (this.#server !== 'namenode' && (await this.getFileStatus(to, { signal })) !== undefined)
      throw this.#calls.failure(call, EXISTS, 'the target exists');
    const isRenamed = await this.#calls.ask(call, ANSWERS.renamed);
    this.#learn(isRenamed === undefined ? 'namenode' : 'httpfs');
    if (isRenamed === false) throw this.#calls.failure(call, NOT_RENAMED, 'the answer is false');
  }

  /** Says whether there was something; after a lost answer, whether there still was. A directory has to be empty, or `recursive`. */
  async delete(
    path: string,
    { recursive = false, signal }: CallOptions & { recursive?: boolean } = {},
  ): Promise<boolean> {
    return await this.#calls.ask({ name: 'DELETE', path, query: { recursive }, signal }, ANSWERS.boolean);
  }

  /** Makes a directory and those above it; one that exists is fine. */
  async mkdirs(
    path: string,
    { permission, signal }: CallOptions & { permission?: string | undefined } = {},
  ): Promise<void> {
    const call: Call = { name: 'MKDIRS', path, query: { permission }, signal };
    if (!(await this.#calls.ask(call, ANSWERS.boolean)))
      throw this.#calls.failure(call, REFUSED, 'the answer is false');
  }

  /** Undefined when there is nothing. */
  async getFileStatus(path: string, { signal }: CallOptions = {}): Promise<FileStatus | undefined> {
    return await unlessMissing(this.#calls.ask({ name: 'GETFILESTATUS', path, signal }, ANSWERS.fileStatus));
  }

  /** All entries of a directory at once, by name; undefined when there is no such directory. Of a file: itself. */
  async listStatus(path: string, { signal }: CallOptions = {}): Promise<FileStatus[] | undefined> {
    return await unlessMissing(this.#calls.ask({ name: 'LISTSTATUS', path, signal }, ANSWERS.listing));
  }

  /** The entries of a directory by name, from the one that follows `startAfter`, a page at a time (1,000 by default). */
  async *listStatusBatch(
    path: string,
    { startAfter, signal }: CallOptions & { startAfter?: string } = {},
  ): AsyncGenerator<FileStatus, void, void> {
    for (let after = startAfter; ; ) {
      const call: Call = { name: 'LISTSTATUS_BATCH', path, query: { startAfter: after }, signal };
      const { entries, hasMore } = await this.#calls.ask(call, ANSWERS.batch);
      if (entries.some(({ name }) => !isAfter(name, after))) {
        // HttpFS begins from the start whatever it is asked.
        const all = await this.#calls.ask({ name: 'LISTSTATUS', path, signal }, ANSWERS.listing);
        yield* all.filter(({ name }) => isAfter(name, after));
        return;
      }
      yield* entries;
      const last = entries.at(-1)?.name;
      if (!hasMore || last === undefined) return;
      after = last;
    }
  }

  /**
   * Shortens a file. False: the cluster is still at it, and for some seconds shows the old length and lets nobody append. Longer
   * than the file is refused. Never repeated after doubt: look at the length then.
   */
  async truncate(path: string, bytes: number, { signal }: CallOptions = {}): Promise<boolean> {
    return await this.#calls.ask({ name: 'TRUNCATE', path, query: { newlength: bytes }, signal }, ANSWERS.boolean);
  }

  /** Moves the blocks of `sources` to the end of a file of the same directory; the sources are gone then. */
  async concat(path: string, sources: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    for (const source of sources) requireListable(source);
    await this.#calls.ask({ name: 'CONCAT', path, query: { sources: sources.join(',') }, signal }, ANSWERS.nothing);
  }

  /** Octal, for example `755`. */
  async setPermission(path: string, permission: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#calls.ask({ name: 'SETPERMISSION', path, query: { permission }, signal }, ANSWERS.nothing);
  }

  async setTimes(
    path: string,
    { modifiedAtMs, accessedAtMs }: { modifiedAtMs?: number; accessedAtMs?: number },
    { signal }: CallOptions = {},
  ): Promise<void> {
    const query = { modificationtime: modifiedAtMs, accesstime: accessedAtMs };
    await this.#calls.ask({ name: 'SETTIMES', path, query, signal }, ANSWERS.nothing);
  }

  /** Counts everything below a path, and its quotas. Expensive for the NameNode where that is much. */
  async getContentSummary(path: string, { signal }: CallOptions = {}): Promise<ContentSummary> {
    return await this.#calls.ask({ name: 'GETCONTENTSUMMARY', path, signal }, ANSWERS.contentSummary);
  }

  /** Whether we may do this with a path. */
  async checkAccess(path: string, mode: AccessMode, { signal }: CallOptions = {}): Promise<boolean> {
    try {
      await this.#calls.ask({ name: 'CHECKACCESS', path, query: { fsaction: mode }, signal }, ANSWERS.nothing);
      return true;
    } catch (error) {
      if (isHdfsError(error, 'denied')) return false;
      throw error;
    }
  }

  /** A token that stands for us on every call until it expires. A secret. `renewer`: the short name of who may renew it. */
  async getDelegationToken({ renewer, signal }: CallOptions & { renewer?: string } = {}): Promise<string> {
    const call = { name: 'GETDELEGATIONTOKEN', path: '/', query: { renewer }, signal, isPrimary: true } as const;
    return await this.#calls.askForToken(call);
  }

  /** Until when it is good now, in ms since 1970 by the clock of the NameNode. */
  async renewDelegationToken(token: string, { signal }: CallOptions = {}): Promise<number> {
    const call = { name: 'RENEWDELEGATIONTOKEN', path: '/', query: { token }, signal, isPrimary: true } as const;
    return await this.#calls.ask(call, ANSWERS.time);
  }

  async cancelDelegationToken(token: string, { signal }: CallOptions = {}): Promise<void> {
    const call = { name: 'CANCELDELEGATIONTOKEN', path: '/', query: { token }, signal, isPrimary: true } as const;
    await this.#calls.ask(call, ANSWERS.nothing);
  }

  async #write(call: Call, body: HdfsBody, bodyBytes: number | undefined): Promise<void> {
    const tracked = trackedBody(body);
    const again = this.#calls.again(call);
    for (;;) {
      const place = await this.#calls.locate(call);
      if (place.isHttpFs) this.#learn('httpfs');
      try {
        const response = await this.#calls.follow(call, place, tracked.body, bodyBytes);
        await ignored(response.body);
        return;
      } catch (error) {
        if (tracked.failure !== undefined) throw tracked.failure.cause;
        // The NameNode may name another DataNode next time, or the same one may be back.
        if (!isHdfsError(error, 'unreachable') || tracked.isTaken || !(await again(error))) throw error;
      }
    }
  }

  async #repeat<T>(call: Call, read: () => Promise<T>): Promise<T> {
    const again = this.#calls.again(call);
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof HdfsError) || !(await again(error))) throw error;
      }
    }
  }

  #learn(server: 'namenode' | 'httpfs'): void {
    if (this.#server === 'auto') this.#server = server;
  }
}

/** An answer that has said all by its status. */
async function ignored(body: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const _ of body);
  } catch {
    // Read only to free the connection, which is gone then.
  }
}

/** In the order of HDFS: by bytes. */
const isAfter = (name: string, after: string | undefined) =>
  after === undefined || Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0;

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isHdfsError(error, 'notFound')) return undefined;
    throw error;
  }
}
