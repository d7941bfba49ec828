import type { CallOptions, Store } from '../../../core/contract/store.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { away } from './store-faults.ts';
import type { VirtualEnv } from './virtual-env.ts';

const CALL_MS_MAX = 40;
const LATE_MS_MAX = 20_000;

/**
 * A store behind a bad network: calls take time, some never arrive, some answers are lost, and some creates arrive long after
 * their caller was told that there is no answer. A process that is dead gets no answer to anything.
 */
export class Weather implements Store {
  readonly identity = 'weather:';
  /** The share of calls that something happens to. */
  badness: number;
  isDead = false;
  readonly #store: MemoryStore;
  /** Time of the network: it goes on when a process dies. */
  readonly #network: VirtualEnv;
  readonly #random: () => number;

  constructor(options: {
    objects: Map<string, Uint8Array>;
    network: VirtualEnv;
    random: () => number;
    badness: number;
  }) {
    this.#store = new MemoryStore({ objects: options.objects });
    this.#network = options.network;
    this.#random = options.random;
    this.badness = options.badness;
  }

  createIfAbsent(key: string, bytes: Uint8Array, options?: CallOptions): Promise<'created' | 'exists'> {
    return this.#call(() => this.#store.createIfAbsent(key, bytes), options);
  }

  get(key: string, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.#call(() => this.#store.get(key), options);
  }

  list(prefix: string, startAfter: string, options?: CallOptions): Promise<string[]> {
    return this.#call(() => this.#store.list(prefix, startAfter), options);
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    return this.#call(() => this.#store.delete(key), options);
  }

  async #call<T>(effect: () => Promise<T>, options: CallOptions | undefined): Promise<T> {
    options?.signal?.throwIfAborted();
    const { timers } = this.#network.env;
    await timers.sleep(this.#random() * CALL_MS_MAX);
    if (this.isDead) return await new Promise(() => {});
    if (this.#random() >= this.badness) return await this.#answer(await effect());
    const fate = this.#random();
    if (fate < 0.4) throw away();
    // On its way already, so it arrives whatever becomes of its sender.
    if (fate < 0.7) timers.after(this.#random() * LATE_MS_MAX, () => void effect());
    else await effect();
    throw away();
  }

  async #answer<T>(answer: T): Promise<T> {
    await this.#network.env.timers.sleep(this.#random() * CALL_MS_MAX);
    return this.isDead ? await new Promise(() => {}) : answer;
  }
}
