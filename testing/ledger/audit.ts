import type { Delivery, Ledger } from './ledger.ts';
import { cutLines } from './lines.ts';
import { listingOf, listVisible, type OutputRoot } from './listing.ts';
import { RecordReader } from './record.ts';
import type { Verdict } from './verdict.ts';
import type { WatchReport } from './watcher.ts';

export interface AuditOptions {
  root: OutputRoot;
  ledger: Ledger;
  /** What an `OutputWatcher` saw meanwhile. */
  watched?: WatchReport;
  /** A run that moved fewer proves nothing. */
  recordsMin?: number;
}

/** Reads the output back and holds it against the ledger. The producer has ended and the pipeline has caught up. */
export async function auditOutput({ root, ledger, watched, recordsMin = 1 }: AuditOptions): Promise<Verdict> {
  const audit = new Audit(ledger);
  const output = listingOf(root);
  for (const { path, series } of await listVisible(output)) {
    audit.beginFile(path, series);
    await cutLines(output.read(path), audit.line);
    audit.endFile();
  }
  return audit.finish({ recordsMin, ...(watched === undefined ? {} : { watched }) });
}

const findingsMax = 5;

/** The audit itself, for whoever brings the lines: files in order of series and name, each line once. */
export class Audit {
  readonly #ledger: Ledger;
  readonly #reader = new RecordReader();
  readonly #tallies = new Map<string, PartitionTally[]>();
  readonly #findings = new Map<string, string[]>();
  readonly #counts = { duplicated: 0, reordered: 0, torn: 0, foreign: 0, files: 0, bytes: 0 };
  #topic = '';
  #topicTallies: PartitionTally[] = [];
  #path = '';
  #series: string | undefined;
  #seriesNumber = 0;
  #lineNumber = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    for (const { topic, partition } of ledger.partitions()) {
      const tallies = this.#tallies.get(topic) ?? [];
      const end = ledger.runs(topic, partition).at(-1)?.to ?? 0;
      tallies[partition] = { seen: new Uint8Array((end >> 3) + 1), end, series: -1, highest: -1 };
      this.#tallies.set(topic, tallies);
    }
  }

  beginFile(path: string, series: string): void {
    if (series !== this.#series) this.#seriesNumber++;
    this.#series = series;
    this.#path = path;
    this.#lineNumber = 0;
    this.#counts.files++;
  }

  readonly line = (bytes: Buffer, start: number, end: number, whole: boolean): void => {
    const reader = this.#reader;
    this.#lineNumber++;
    this.#counts.bytes += end - start + (whole ? 1 : 0);
    if (!whole || !reader.read(bytes, start, end)) {
      this.#counts.torn++;
      this.#note(
        'torn',
        () => `${this.#where()}: ${JSON.stringify(bytes.toString('latin1', start, Math.min(end, start + 80)))}`,
      );
      return;
    }
    if (reader.topic !== this.#topic) {
      this.#topic = reader.topic;
      this.#topicTallies = this.#tallies.get(reader.topic) ?? [];
    }
    const tally = this.#topicTallies[reader.partition];
    const { sequence } = reader;
    if (tally === undefined || sequence >= tally.end) {
      this.#counts.foreign++;
      this.#note('foreign', () => `${this.#where()}: ${this.#record()} was never written`);
      return;
    }
    const bit = 1 << (sequence & 7);
    const byte = tally.seen[sequence >> 3] as number;
    if ((byte & bit) !== 0) {
      this.#counts.duplicated++;
      this.#note('duplicated', () => `${this.#where()}: ${this.#record()} once more`);
      return;
    }
    tally.seen[sequence >> 3] = byte | bit;
    if (tally.series !== this.#seriesNumber) {
      tally.series = this.#seriesNumber;
      tally.highest = -1;
    }
    if (sequence < tally.highest) {
      this.#counts.reordered++;
      this.#note('reordered', () => `${this.#where()}: ${this.#record()} after ${tally.highest}`);
    } else tally.highest = sequence;
    if (reader.planned === 'abort') this.#note('aborted seen', () => `${this.#where()}: ${this.#record()}`);
  };

  endFile(): void {
    if (this.#lineNumber > 0) return;
    this.#counts.torn++;
    this.#note('torn', () => `${this.#path}: empty`);
  }

  finish({ watched, recordsMin = 1 }: { watched?: WatchReport; recordsMin?: number } = {}): Verdict {
    const totals = { records: 0, expected: 0, lost: 0, abortedSeen: 0, unknown: 0 };
    const inDoubt = new Map<Delivery, number>();
    for (const { topic, partition } of this.#ledger.partitions()) {
      const tally = this.#tallies.get(topic)?.[partition];
      if (tally === undefined) throw new Error(`${topic}/${partition} was first written after the audit began`);
      for (const { from, to, delivery } of this.#ledger.runs(topic, partition)) {
        const seen = countBits(tally.seen, from, to);
        switch (delivery.outcome) {
          case 'committed':
            totals.expected += to - from;
            totals.records += seen;
            totals.lost += to - from - seen;
            if (seen < to - from)
              this.#note('lost', () => `${topic}/${partition}: ${to - from - seen} of ${from}..${to - 1}`);
            break;
          case 'aborted':
          case 'open':
            totals.abortedSeen += seen;
            break;
          case 'committing':
          case 'unknown':
            totals.unknown += to - from;
            inDoubt.set(delivery, (inDoubt.get(delivery) ?? 0) + seen);
        }
      }
    }
    for (const [delivery, seen] of inDoubt) {
      if (!delivery.atomic || seen === 0) continue;
      totals.lost += delivery.records - seen;
      if (seen < delivery.records)
        this.#note('lost', () => `${seen} of the ${delivery.records} records of a transaction were seen`);
    }
    for (const finding of watched?.findings ?? []) this.#note('while running', () => finding);
    const { early = 0, changed = 0, vanished = 0, zombie = 0 } = watched ?? {};
    const missingToMin = Math.max(0, recordsMin - totals.records);
    const findings = [...this.#findings].flatMap(([kind, lines]) => lines.map((line) => `${kind}: ${line}`));
    return { ...totals, ...this.#counts, early, changed, vanished, zombie, missingToMin, findings };
  }

  #note(kind: string, finding: () => string): void {
    const lines = this.#findings.get(kind) ?? [];
    if (lines.length < findingsMax) lines.push(finding());
    this.#findings.set(kind, lines);
  }

  #where(): string {
    return `${this.#path}:${this.#lineNumber}`;
  }

  #record(): string {
    return `${this.#reader.topic}/${this.#reader.partition} ${this.#reader.sequence}`;
  }
}

interface PartitionTally {
  /** One bit per sequence. */
  seen: Uint8Array;
  /** The first sequence that was never given out. */
  end: number;
  /** The series of files `highest` belongs to. */
  series: number;
  highest: number;
}

function countBits(bits: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) count += ((bits[i >> 3] as number) >> (i & 7)) & 1;
  return count;
}
