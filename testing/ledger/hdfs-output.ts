import { setTimeout as sleep } from 'node:timers/promises';
import { FileGone, type FileState, isHidden, type OutputListing } from './output.ts';

export interface HdfsOutputOptions {
  /** `http://host:port` of every NameNode, or of a gateway. */
  urls: readonly string[];
  user: string;
  /** Absolute, without a `/` at its end. */
  root: string;
  /** How long the cluster may fail to answer; a test may restart it meanwhile. */
  patienceMs?: number;
}

interface Entry {
  pathSuffix: string;
  type: string;
  length: number;
  modificationTime: number;
  fileId?: number;
}

const pieceBytes = 8 * 1024 * 1024;
const retryEveryMs = 200;

/** An output in HDFS. */
export class HdfsOutput implements OutputListing {
  readonly #options: HdfsOutputOptions;
  #asked = 0;

  constructor(options: HdfsOutputOptions) {
    this.#options = options;
  }

  async list(): Promise<string[]> {
    return (await this.look()).map(({ path }) => path);
  }

  async look(): Promise<FileState[]> {
    const files: FileState[] = [];
    await this.#collect('', files);
    return files;
  }

  async *read(path: string): AsyncGenerator<Buffer> {
    for (let at = 0; ; ) {
      const piece = await this.#ask(`/${path}`, `OPEN&offset=${at}&length=${pieceBytes}`);
      if (piece === undefined) throw new FileGone(`${path} is gone`);
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
      if (piece.length < pieceBytes) return;
    }
  }

  /** The names in one directory; none when it does not exist. */
  async entries(directory: string): Promise<string[]> {
    return (await this.#entries(directory)).map(({ pathSuffix }) => pathSuffix);
  }

  async #collect(directory: string, files: FileState[]): Promise<void> {
    for (const { pathSuffix, type, length, modificationTime, fileId } of await this.#entries(directory)) {
      if (isHidden(pathSuffix)) continue;
      const path = directory === '' ? pathSuffix : `${directory}/${pathSuffix}`;
      if (type === 'DIRECTORY') await this.#collect(path, files);
      else files.push({ path, bytes: length, version: `${fileId} ${modificationTime}` });
    }
  }

  async #entries(directory: string): Promise<Entry[]> {
    const answer = await this.#ask(directory === '' ? '' : `/${directory}`, 'LISTSTATUS');
    return answer === undefined ? [] : JSON.parse(`${answer}`).FileStatuses.FileStatus;
  }

  /** Asks again, all NameNodes in turns, for as long as nobody answers or one says that it cannot. Undefined for what is not there. */
  async #ask(path: string, query: string): Promise<Buffer | undefined> {
    const { urls, user, root, patienceMs = 60_000 } = this.#options;
    const encoded = `${root}${path}`.split('/').map(encodeURIComponent).join('/');
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const url = `${urls[this.#asked % urls.length]}/webhdfs/v1${encoded}?op=${query}&user.name=${user}`;
      try {
        const response = await fetch(url);
        const body = Buffer.from(await response.arrayBuffer());
        if (response.ok) return body;
        if (response.status === 404) return undefined;
        throw new Error(`${url}: HTTP ${response.status}: ${body.toString('utf8', 0, 300)}`);
      } catch (error) {
        if (performance.now() > endMs) throw error;
      }
      this.#asked++;
      await sleep(retryEveryMs);
    }
  }
}
