import type { CallOptions, Store } from '../core/contract/store.ts';

export interface StoreCall {
  readonly verb: 'createIfAbsent' | 'get' | 'list' | 'delete';
  /** The prefix, for `list`. */
  readonly key: string;
}

/** Each may wait, and may throw: `before` = the call never took effect, `after` = it did and the answer is lost. */
export interface StoreHooks {
  before?(call: StoreCall): void | Promise<void>;
  after?(call: StoreCall): void | Promise<void>;
}

export interface MemoryStoreOptions {
  readonly identity?: string;
  /** What the store holds, shared by all that are given the same map: several hosts on one store. */
  readonly objects?: Map<string, Uint8Array>;
  readonly hooks?: StoreHooks;
}

/** A store for tests that keeps its promises for as long as its hooks let it. */
export class MemoryStore implements Store {
  readonly identity: string;
  readonly objects: Map<string, Uint8Array>;
  readonly #hooks: StoreHooks;

  constructor({ identity = 'memory:', objects = new Map(), hooks = {} }: MemoryStoreOptions = {}) {
    this.identity = identity;
    this.objects = objects;
    this.#hooks = hooks;
  }

  createIfAbsent(key: string, bytes: Uint8Array, options?: CallOptions): Promise<'created' | 'exists'> {
    // Copied before the first hook: the caller may reuse its memory while a slow call is on its way.
    const copy = Uint8Array.from(bytes);
    return this.#call({ verb: 'createIfAbsent', key }, options, () => {
      if (this.objects.has(key)) return 'exists';
      this.objects.set(key, copy);
      return 'created';
    });
  }

  get(key: string, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.#call({ verb: 'get', key }, options, () => {
      const bytes = this.objects.get(key);
      return bytes === undefined ? undefined : Uint8Array.from(bytes);
    });
  }

  list(prefix: string, startAfter: string, options?: CallOptions): Promise<string[]> {
    return this.#call({ verb: 'list', key: prefix }, options, () =>
      [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).sort(),
    );
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    return this.#call({ verb: 'delete', key }, options, () => {
      this.objects.delete(key);
    });
  }

  async #call<T>(call: StoreCall, options: CallOptions | undefined, effect: () => T): Promise<T> {
    options?.signal?.throwIfAborted();
    await this.#hooks.before?.(call);
    const result = effect();
    await this.#hooks.after?.(call);
    return result;
  }
}
