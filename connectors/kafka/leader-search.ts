import { type Env, type SluiceError, toSluiceError } from '../../core/spi.ts';
import type { Cluster } from './cluster.ts';
import { TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from './offset-requests.ts';
import { listOffsets } from './offsets.ts';
import { decideOutOfRange } from './out-of-range.ts';
import { type Placed, placeSplits } from './placement.ts';
import type { KafkaPosition } from './positions.ts';
import { placeAgain, type ReadSplit } from './read-split.ts';
import type { KafkaSourceSettings } from './settings.ts';
import { Wakeup } from './wakeup.ts';

export interface LeaderSearchOptions {
  env: Env;
  cluster: Cluster;
  settings: KafkaSourceSettings;
  signal: AbortSignal;
  /** All assigned splits; those in state `placing` are looked for. */
  splits(): Iterable<ReadSplit>;
  /** This one can be fetched now. */
  onFound(split: ReadSplit, nodeId: number): void;
  /** Some splits have another state now. */
  onNews(): void;
  /** Trouble that passes; the same `about` need not be said often. */
  onTrouble(about: string, message: string, error?: SluiceError): void;
}

/** The loop that finds out where splits are read: at first, and whenever a broker sends us away. */
export class LeaderSearch {
  readonly #options: LeaderSearchOptions;
  readonly #wakeup = new Wakeup();

  constructor(options: LeaderSearchOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#wakeup.notify();
  }

  /** Ends with the signal, or with an error that does not pass. */
  async run(): Promise<void> {
    const { env, signal } = this.#options;
    signal.addEventListener('abort', () => this.wake(), { once: true });
    while (!signal.aborted) {
      const nowMs = env.clock.monotonicMs();
      const { ready, nextAtMs } = this.#due(nowMs);
      if (ready.length > 0) {
        await this.#search(ready);
        continue;
      }
      const waits = nextAtMs < Number.POSITIVE_INFINITY;
      const cancel = waits ? env.timers.after(Math.ceil(nextAtMs - nowMs), () => this.wake()) : undefined;
      await this.#wakeup.wait();
      cancel?.();
    }
  }

  #due(nowMs: number): { ready: ReadSplit[]; nextAtMs: number } {
    const ready: ReadSplit[] = [];
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const split of this.#options.splits()) {
      if (split.state.kind !== 'placing') continue;
      if (split.state.readyAtMs <= nowMs) ready.push(split);
      else nextAtMs = Math.min(nextAtMs, split.state.readyAtMs);
    }
    return { ready, nextAtMs };
  }

  async #search(splits: readonly ReadSplit[]): Promise<void> {
    const { env, cluster, settings, signal } = this.#options;
    try {
      const nowMs = () => env.clock.monotonicMs();
      const placed = await placeSplits(splits, { cluster, settings, nowMs, signal });
      // Only now: that the topic is another one, or was truncated, explains an offset better than its range does.
      const refused = splits.filter((split) => split.outOfRange && placed.get(split)?.kind === 'fetch');
      const settled = await this.#moveIntoRange(refused);
      // What was fetched before may have turned out broken meanwhile: that stays.
      for (const [split, place] of placed) {
        if (split.state.kind === 'placing' && !settled.has(split)) this.#apply(split, place);
      }
    } catch (error) {
      if (signal.aborted) return;
      const failure = toSluiceError(error);
      if (failure.kind !== 'unavailable') throw failure;
      const message = `Kafka: looking for the leaders of partitions failed, trying again: ${failure.message}`;
      this.#options.onTrouble('leaders', message, failure);
      placeAgain(
        splits.filter((split) => split.state.kind === 'placing'),
        env,
      );
    }
    this.#options.onNews();
  }

  #apply(split: ReadSplit, place: Placed): void {
    const { id } = split.split;
    switch (place.kind) {
      case 'fetch':
        split.state = { kind: 'fetching', nodeId: place.nodeId, leaderEpoch: place.leaderEpoch };
        this.#options.onFound(split, place.nodeId);
        break;
      case 'again':
        placeAgain([split], this.#options.env);
        this.#options.onTrouble(id, `Kafka: ${id} cannot be read now, trying again: ${place.why}`);
        break;
      case 'failed':
        split.fail(split.position.offset, place.error);
        break;
      case 'ignored':
        this.#options.env.log.warn(`Kafka: ${id} is not read any more: its topic was deleted`, { split: id });
        split.state = place;
        break;
      case 'done':
        split.state = place;
        break;
    }
  }

  /** Decides about splits whose offset was refused. Returns those that failed or are placed anew elsewhere. */
  async #moveIntoRange(splits: readonly ReadSplit[]): Promise<ReadonlySet<ReadSplit>> {
    const settled = new Set<ReadSplit>();
    if (splits.length === 0) return settled;
    const { env, settings, cluster, signal } = this.#options;
    const ask = (timestampMs: number) =>
      listOffsets(
        cluster,
        splits.map(({ split }) => ({ topic: split.group, partition: split.index, timestampMs })),
        // An offset behind the last stable one may be fetched, so the range ends at the high watermark.
        { readCommitted: false, signal },
      );
    const [earliest, latest] = await Promise.all([ask(TIMESTAMP_EARLIEST), ask(TIMESTAMP_LATEST)]);
    for (const [index, split] of splits.entries()) {
      split.outOfRange = false;
      const { id } = split.split;
      const wanted = split.position.offset;
      const range = { earliest: earliest[index] as KafkaPosition, latest: latest[index] as KafkaPosition };
      const verdict = decideOutOfRange(id, wanted, range, settings.onOffsetOutOfRange);
      if (verdict.kind === 'again') continue;
      settled.add(split);
      if (verdict.kind === 'failed') {
        split.fail(wanted, verdict.error);
        continue;
      }
      const { offset } = verdict.position;
      const message = `Kafka: ${id} goes on at ${offset}, since offset ${wanted} is gone (onOffsetOutOfRange)`;
      env.log.warn(message, { split: id, wanted, offset });
      split.jumpTo(verdict.position);
    }
    return settled;
  }
}
