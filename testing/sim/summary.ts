import type { Report } from './simulate.ts';

const PROGRESS_EVERY_MS = 15_000;

/** Adds up the reports of many runs. */
export class Summary {
  readonly #seeds: number;
  readonly #startedMs = performance.now();
  readonly sometimes = new Map<string, number>();
  runs = 0;
  failed = 0;
  steps = 0;
  virtualMs = 0;
  records = 0;
  #saidMs = performance.now();

  constructor(seeds: number) {
    this.#seeds = seeds;
  }

  add({ anomalies, steps, virtualMs, records, sometimes }: Report): void {
    this.runs++;
    if (anomalies.length > 0) this.failed++;
    this.steps += steps;
    this.virtualMs += virtualMs;
    this.records += records;
    for (const [what, count] of Object.entries(sometimes))
      this.sometimes.set(what, (this.sometimes.get(what) ?? 0) + count);
  }

  /** Now and then, for whoever waits. */
  progress(): void {
    if (performance.now() - this.#saidMs < PROGRESS_EVERY_MS) return;
    this.#saidMs = performance.now();
    process.stderr.write(
      `${this.runs} of ${this.#seeds} seeds in ${this.#seconds.toFixed(0)} s, ${this.failed} failed\n`,
    );
  }

  get #seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  lines(): string[] {
    const seconds = this.#seconds;
    const rows = [...this.sometimes].sort(([a], [b]) => (a < b ? -1 : 1));
    const width = Math.max(0, ...rows.map(([what]) => what.length));
    const hours = this.virtualMs / 3_600_000;
    return [
      ...rows.map(([what, count]) => `${what.padEnd(width)}  ${count.toLocaleString('en-US').padStart(12)}`),
      '',
      `${this.runs.toLocaleString('en-US')} seeds in ${seconds.toFixed(0)} s: ${this.failed} failed`,
      `${this.records.toLocaleString('en-US')} records in ${hours.toFixed(1)} virtual hours, ` +
        `${Math.round(this.steps / seconds).toLocaleString('en-US')} events per second`,
    ];
  }
}

/** Situations without which a large run proves little. */
export const MUST_BE_SEEN = [
  'killed',
  'power lost',
  'went on after a pause',
  'restarted by itself',
  'a claim lost to another',
  'a claim while three instances live',
  'a commit tried again',
  'a conflict that was mine',
  'a conflict that was not mine',
  'ended FENCED',
  'handles committed by a successor',
  'open files finished by a successor',
  'orphans discarded',
  'looked for orphans',
  'the marker made again',
  'new partitions found',
  'a store was silent',
  'a leader moved',
  'a broker died',
  'a gap in the offsets',
  'records deleted by retention',
  'transaction committed',
  'transaction aborted',
  'a part came back from disk',
  'a file taken by a loader',
  'the disk was full',
] as const;
