import { SluiceError } from '../../../core/errors.ts';
import type { StoreCall, StoreHooks } from '../../../testing/memory-store.ts';

type Reaction = (call: StoreCall) => void | Promise<void>;

interface Rule {
  readonly phase: 'before' | 'after';
  readonly verb: StoreCall['verb'];
  readonly key: string | undefined;
  left: number;
  readonly react: Reaction;
}

export interface Which {
  readonly key?: string;
  /** How many calls it happens to, 1 when left out. */
  readonly times?: number;
}

/** A call that is under way until the test lets it go on. */
export interface Held {
  readonly reached: Promise<void>;
  release(): void;
}

/** What goes wrong with which call of a memory store; rules are used up in the order they were made. */
export class StoreFaults {
  readonly calls: string[] = [];
  readonly #rules: Rule[] = [];
  readonly hooks: StoreHooks = {
    before: async (call) => {
      this.calls.push(`${call.verb} ${call.key}`);
      await this.#apply('before', call);
    },
    after: (call) => this.#apply('after', call),
  };

  /** The call never takes effect and fails. */
  refuse(verb: StoreCall['verb'], which: Which = {}, error: Error = away()): void {
    this.#add('before', verb, which, () => {
      throw error;
    });
  }

  /** The call takes effect and its answer is lost. */
  loseAnswer(verb: StoreCall['verb'], which: Which = {}): void {
    this.#add('after', verb, which, () => {
      throw away();
    });
  }

  /** The test does something at that moment. */
  at(phase: 'before' | 'after', verb: StoreCall['verb'], which: Which, react: Reaction): void {
    this.#add(phase, verb, which, react);
  }

  hold(phase: 'before' | 'after', verb: StoreCall['verb'], which: Which = {}): Held {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#add(phase, verb, which, async () => {
      reached.resolve();
      await released.promise;
    });
    return { reached: reached.promise, release: released.resolve };
  }

  clear(): void {
    this.#rules.length = 0;
  }

  #add(phase: Rule['phase'], verb: StoreCall['verb'], { key, times = 1 }: Which, react: Reaction): void {
    this.#rules.push({ phase, verb, key, left: times, react });
  }

  async #apply(phase: Rule['phase'], call: StoreCall): Promise<void> {
    const rule = this.#rules.find(
      (one) => one.left > 0 && one.phase === phase && one.verb === call.verb && (one.key ?? call.key) === call.key,
    );
    if (rule === undefined) return;
    rule.left--;
    await rule.react(call);
  }
}

export function away(): SluiceError {
  return new SluiceError('unavailable', 'AWAY', { message: 'the store does not answer' });
}
