import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import { contentHash, listVisible, readLines, type VisibleFile } from './output.ts';
import { RecordReader } from './record.ts';

export interface WatcherOptions {
  root: string;
  ledger: Ledger;
  everyMs?: number;
  /** Called once for each file, when it is first seen. */
  onFile?: (path: string) => void;
}

/** What a reader saw that read along while the pipeline ran. */
export interface WatchReport {
  early: number;
  changed: number;
  vanished: number;
  zombie: number;
  findings: readonly string[];
}

interface Sighting {
  bytes: number;
  hash: string;
  modifiedMs: number;
}

const findingsMax = 10;

/**
 * Reads the output over and over, as a downstream job would: a file once seen must never change or go, no record may be seen
 * before its transaction was committed, and no older incarnation may add a file after a newer one has.
 */
export class OutputWatcher {
  readonly #options: Required<Pick<WatcherOptions, 'root' | 'ledger' | 'everyMs'>> & Pick<WatcherOptions, 'onFile'>;
  readonly #seen = new Map<string, Sighting>();
  /** Per series, each epoch and the poll that saw it first. */
  readonly #epochs = new Map<string, Map<number, number>>();
  readonly #counts = { early: 0, changed: 0, vanished: 0, zombie: 0 };
  readonly #findings: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #polls = 0;
  #records = 0;

  /** Whole records in all files seen so far. */
  get records(): number {
    return this.#records;
  }

  get files(): number {
    return this.#seen.size;
  }

  /** How often the whole output was looked at. */
  get polls(): number {
    return this.#polls;
  }

  constructor({ everyMs = 50, ...options }: WatcherOptions) {
    this.#options = { everyMs, ...options };
    this.#done = this.#run();
    this.#done.catch(() => {}); // reported by `stop`
  }

  /** Looks a last time, at the content of every file too, and reports. Throws what made the watcher fail. */
  async stop(): Promise<WatchReport> {
    this.#stop.abort();
    await this.#done;
    await this.#poll();
    for (const [path, { hash }] of this.#seen) {
      if ((await readOrGone(() => contentHash(join(this.#options.root, path)))) === hash) continue;
      this.#found('changed', `${path} has other content than when it was first seen`);
    }
    return { ...this.#counts, findings: this.#findings };
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#poll();
      await sleep(this.#options.everyMs, undefined, { signal: this.#stop.signal }).catch(() => {}); // only the abort ends it early
    }
  }

  async #poll(): Promise<void> {
    this.#polls++;
    const listed = await listVisible(this.#options.root);
    const paths = new Set(listed.map(({ path }) => path));
    for (const path of this.#seen.keys()) {
      if (paths.has(path)) continue;
      this.#seen.delete(path);
      this.#found('vanished', `${path} was there and is gone`);
    }
    for (const file of listed) await this.#look(file);
  }

  async #look(file: VisibleFile): Promise<void> {
    const path = join(this.#options.root, file.path);
    const now = await readOrGone(() => stat(path));
    if (now === undefined) return; // the next poll says so
    const before = this.#seen.get(file.path);
    if (before === undefined) {
      this.#options.onFile?.(file.path);
      this.#judgeEpoch(file);
      const hash = await readOrGone(() => contentHash(path));
      if (hash === undefined) return;
      this.#seen.set(file.path, { bytes: now.size, hash, modifiedMs: now.mtimeMs });
      await readOrGone(() => this.#readRecords(file.path));
    } else if (before.bytes !== now.size || before.modifiedMs !== now.mtimeMs) {
      this.#found('changed', `${file.path} had ${before.bytes} bytes when it was first seen, now ${now.size}`);
      this.#seen.set(file.path, { ...before, bytes: now.size, modifiedMs: now.mtimeMs });
    }
  }

  /**
   * A listing is not atomic: it may miss a file made before one that it shows. The next listing cannot. So a file of an
   * older epoch that appears two polls after a newer epoch's was made later.
   */
  #judgeEpoch({ path, series, epoch }: VisibleFile): void {
    const epochs = this.#epochs.get(series) ?? new Map<number, number>();
    this.#epochs.set(series, epochs);
    if (!epochs.has(epoch)) epochs.set(epoch, this.#polls);
    for (const [other, firstPoll] of epochs) {
      if (other <= epoch || this.#polls < firstPoll + 2) continue;
      this.#found('zombie', `${path} appeared after files of epoch ${other}`);
      return;
    }
  }

  async #readRecords(path: string): Promise<void> {
    const reader = new RecordReader();
    const { root, ledger } = this.#options;
    let early = 0;
    await readLines(join(root, path), (bytes, start, end, whole) => {
      if (!whole || !reader.read(bytes, start, end)) return; // torn: the audit counts it, or it changes
      this.#records++;
      if (ledger.outcomeOf(reader.topic, reader.partition, reader.sequence) === 'open') early++;
    });
    if (early > 0) this.#found('early', `${path} shows ${early} records of open transactions`, early);
  }

  #found(kind: 'early' | 'changed' | 'vanished' | 'zombie', finding: string, count = 1): void {
    this.#counts[kind] += count;
    if (this.#findings.length < findingsMax) this.#findings.push(`${kind}: ${finding}`);
  }
}

/** Files may be moved away while we look; anything else is a failure of the watcher. */
async function readOrGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
