import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import { LineCutter } from './lines.ts';
import { inWriteOrder, listingOf, type OutputRoot } from './listing.ts';
import { FileGone, type FileState, type OutputListing, type VisibleFile, visibleFile } from './output.ts';
import { RecordReader } from './record.ts';

export interface WatcherOptions {
  root: OutputRoot;
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
  version: string;
  hash: string;
}

const findingsMax = 10;

/**
 * Reads the output over and over, as a downstream job would: a file once seen must never change or go, no record may be seen
 * before its transaction was committed, and no older incarnation may add a file after a newer one has.
 */
export class OutputWatcher {
  readonly #output: OutputListing;
  readonly #options: Required<Pick<WatcherOptions, 'ledger' | 'everyMs'>> & Pick<WatcherOptions, 'onFile'>;
  readonly #seen = new Map<string, Sighting>();
  /** Per series, each epoch and the poll that saw it first. */
  readonly #epochs = new Map<string, Map<number, number>>();
  readonly #counts = { early: 0, changed: 0, vanished: 0, zombie: 0 };
  readonly #findings: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #report: Promise<WatchReport> | undefined;
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

  constructor({ root, everyMs = 50, ...options }: WatcherOptions) {
    this.#output = listingOf(root);
    this.#options = { everyMs, ...options };
    this.#done = this.#run();
    this.#done.catch(() => {}); // reported by `stop`
  }

  /** Looks a last time, at the content of every file too, and reports. Throws what made the watcher fail. */
  stop(): Promise<WatchReport> {
    this.#report ??= this.#finish();
    return this.#report;
  }

  async #finish(): Promise<WatchReport> {
    this.#stop.abort();
    await this.#done;
    await this.#poll();
    for (const [path, { hash }] of this.#seen) {
      if ((await this.#readHash(path, () => {})) === hash) continue;
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
    const listed = await this.#output.look();
    const paths = new Set(listed.map(({ path }) => path));
    for (const path of this.#seen.keys()) {
      if (paths.has(path)) continue;
      this.#seen.delete(path);
      this.#found('vanished', `${path} was there and is gone`);
    }
    const ordered = listed.map((state) => ({ ...state, ...visibleFile(state.path) })).sort(inWriteOrder);
    for (const file of ordered) await this.#look(file);
  }

  async #look(file: VisibleFile & FileState): Promise<void> {
    const { path, bytes, version } = file;
    const before = this.#seen.get(path);
    if (before === undefined) {
      this.#options.onFile?.(path);
      this.#judgeEpoch(file);
      const hash = await this.#readRecords(path);
      if (hash !== undefined) this.#seen.set(path, { bytes, version, hash });
    } else if (before.bytes !== bytes || before.version !== version) {
      this.#found('changed', `${path} had ${before.bytes} bytes when it was first seen, now ${bytes}`);
      this.#seen.set(path, { ...before, bytes, version });
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

  /** Returns a hash of the content; undefined when the file is gone already, of which the next poll knows more. */
  async #readRecords(path: string): Promise<string | undefined> {
    const reader = new RecordReader();
    let records = 0;
    let early = 0;
    const cutter = new LineCutter((bytes, start, end, whole) => {
      if (!whole || !reader.read(bytes, start, end)) return; // torn: the audit counts it, or it changes
      records++;
      if (this.#options.ledger.outcomeOf(reader.topic, reader.partition, reader.sequence) === 'open') early++;
    });
    const hash = await this.#readHash(path, (chunk) => cutter.push(chunk));
    if (hash === undefined) return undefined;
    this.#records += records;
    if (early > 0) this.#found('early', `${path} shows ${early} records of open transactions`, early);
    return hash;
  }

  async #readHash(path: string, onChunk: (chunk: Buffer) => void): Promise<string | undefined> {
    const hash = createHash('sha256');
    try {
      for await (const chunk of this.#output.read(path)) {
        hash.update(chunk);
        onChunk(chunk);
      }
    } catch (error) {
      if (error instanceof FileGone) return undefined;
      throw error;
    }
    return hash.digest('hex');
  }

  #found(kind: 'early' | 'changed' | 'vanished' | 'zombie', finding: string, count = 1): void {
    this.#counts[kind] += count;
    if (this.#findings.length < findingsMax) this.#findings.push(`${kind}: ${finding}`);
  }
}
