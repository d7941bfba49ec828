import { type Env, type SplitPosition, toSluiceError } from '../../core/spi.ts';
import type { Cluster } from './cluster.ts';
import { isPassing, nameOf } from './errors.ts';
import { offsetCommitApi } from './group-requests.ts';
import type { KafkaPosition } from './positions.ts';

/** How long the end of a run waits for the last publication. */
const LAST_WORDS_MS = 1_000;

/**
 * Writes positions to a consumer group, for tools that show lag. Nothing depends on it and nothing waits for it: the newest
 * positions win, and what cannot be written now is written with the next ones.
 */
export class OffsetPublisher {
  readonly #cluster: Cluster;
  readonly #env: Env;
  readonly #group: string;
  readonly #waiting = new Map<string, KafkaPosition>();
  #running: Promise<void> | undefined;
  #coordinator: number | undefined;
  #state: 'on' | 'warned' | 'off' = 'on';

  constructor({ cluster, env, group }: { cluster: Cluster; env: Env; group: string }) {
    this.#cluster = cluster;
    this.#env = env;
    this.#group = group;
  }

  announce(positions: readonly SplitPosition<KafkaPosition>[]): void {
    if (this.#state === 'off') return;
    for (const { split, position } of positions) this.#waiting.set(split, position);
    this.#running ??= this.#run();
  }

  /** Gives what was announced last a moment to be written. */
  async close(): Promise<void> {
    if (this.#running === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#env.timers.after(LAST_WORDS_MS, resolve);
    await Promise.race([this.#running, promise]);
    cancel();
    this.#state = 'off';
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.size > 0 && this.#state !== 'off') {
        const positions = new Map(this.#waiting);
        this.#waiting.clear();
        if (!(await this.#write(positions))) break;
      }
    } catch (error) {
      // The next announcement brings newer positions, and the connection's own trouble is reported by the reader.
      this.#coordinator = undefined;
      this.#env.log.debug('Kafka: offsets were not published', {
        group: this.#group,
        error: toSluiceError(error).message,
      });
    } finally {
      this.#running = undefined;
    }
  }

  /** Whether the group took them. */
  async #write(positions: ReadonlyMap<string, KafkaPosition>): Promise<boolean> {
    if (this.#coordinator === undefined) {
      const found = await this.#cluster.groupCoordinator(this.#group);
      if (found.errorCode !== 0) return this.#refused(found.errorCode);
      this.#coordinator = found.nodeId;
    }
    const partitions = [...positions].map(([split, { offset, leaderEpoch }]) => {
      const slash = split.lastIndexOf('/');
      return { topic: split.slice(0, slash), partition: Number(split.slice(slash + 1)), offset, leaderEpoch };
    });
    const results = await this.#cluster.call(this.#coordinator, offsetCommitApi, { group: this.#group, partitions });
    const bad = results.find(({ errorCode }) => errorCode !== 0);
    return bad === undefined || this.#refused(bad.errorCode);
  }

  #refused(errorCode: number): false {
    this.#coordinator = undefined;
    if (isPassing(errorCode) || this.#state !== 'on') return false;
    this.#state = 'warned';
    this.#env.log.warn(
      `Kafka: offsets cannot be published to group ${this.#group} (${nameOf(errorCode)}); reading goes on, but lag tools show nothing`,
      { group: this.#group, errorCode },
    );
    return false;
  }
}
