/**
 * `open`: the producer has not asked for a commit, so nobody may see it. `committing`: asked, not answered. `unknown`: the
 * answer never came; seen or not seen, both are right, but a transaction is seen as a whole or not at all.
 */
export type Outcome = 'open' | 'committing' | 'committed' | 'aborted' | 'unknown';

/** What is decided together: a plain send, or a transaction over several partitions. */
export class Delivery {
  readonly atomic: boolean;
  outcome: Outcome;
  /** Records over all partitions. */
  records = 0;

  constructor(kind: 'plain' | 'transaction') {
    this.atomic = kind === 'transaction';
    // A plain record may be read before its producer hears that it was written.
    this.outcome = kind === 'plain' ? 'committing' : 'open';
  }
}

/** Sequences `from` to `to` - 1 of one partition, which share one fate. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly delivery: Delivery;
}

/** What was written to each partition, in order, and what became of it: the truth that an output is held against. */
export class Ledger {
  readonly #partitions = new Map<string, Run[]>();
  readonly #deliveries = new Set<Delivery>();

  begin(kind: 'plain' | 'transaction'): Delivery {
    const delivery = new Delivery(kind);
    this.#deliveries.add(delivery);
    return delivery;
  }

  /** Gives out the next `count` sequences of a partition and returns the first. */
  take(topic: string, partition: number, count: number, delivery: Delivery): number {
    const runs = this.#runsFor(topic, partition);
    const from = runs.at(-1)?.to ?? 0;
    runs.push({ from, to: from + count, delivery });
    delivery.records += count;
    return from;
  }

  /** What became of one record; undefined when it was never written. */
  outcomeOf(topic: string, partition: number, sequence: number): Outcome | undefined {
    const runs = this.runs(topic, partition);
    let low = 0;
    let high = runs.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const run = runs[middle] as Run;
      if (sequence < run.from) high = middle - 1;
      else if (sequence >= run.to) low = middle + 1;
      else return run.delivery.outcome;
    }
    return undefined;
  }

  runs(topic: string, partition: number): readonly Run[] {
    return this.#partitions.get(partitionId(topic, partition)) ?? [];
  }

  partitions(): readonly { topic: string; partition: number }[] {
    return [...this.#partitions.keys()].map((id) => {
      const slash = id.lastIndexOf('/');
      return { topic: id.slice(0, slash), partition: Number(id.slice(slash + 1)) };
    });
  }

  /** Records by outcome. */
  totals(): Record<Outcome, number> {
    const totals: Record<Outcome, number> = { open: 0, committing: 0, committed: 0, aborted: 0, unknown: 0 };
    for (const { outcome, records } of this.#deliveries) totals[outcome] += records;
    return totals;
  }

  #runsFor(topic: string, partition: number): Run[] {
    const id = partitionId(topic, partition);
    const found = this.#partitions.get(id);
    if (found !== undefined) return found;
    const runs: Run[] = [];
    this.#partitions.set(id, runs);
    return runs;
  }
}

function partitionId(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
