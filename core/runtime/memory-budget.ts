import type { Env } from '../contract/env.ts';
import type { MemoryBudget, Reservation } from '../contract/memory.ts';
import type { CallOptions } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';

interface Waiting {
  bytes: number;
  grant(): void;
}

/** First come first served; a request larger than the budget is granted when nothing else is reserved. */
export class SharedMemoryBudget implements MemoryBudget {
  readonly limitBytes: number;
  readonly #env: Pick<Env, 'metrics'>;
  readonly #waiting: Waiting[] = [];
  #reservedBytes = 0;

  constructor(limitBytes: number, env: Pick<Env, 'metrics'>) {
    this.limitBytes = limitBytes;
    this.#env = env;
  }

  reserve(bytes: number, { signal }: CallOptions = {}): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled());
      const waiting: Waiting = {
        bytes,
        grant: () => {
          signal?.removeEventListener('abort', cancel);
          resolve(this.#reservation(bytes));
        },
      };
      const cancel = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        this.#grantWhatFits();
        reject(cancelled());
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.push(waiting);
      this.#grantWhatFits();
    });
  }

  #reservation(first: number): Reservation {
    let held = first;
    const change = (bytes: number) => {
      this.#move(bytes - held);
      held = bytes;
    };
    return {
      get bytes() {
        return held;
      },
      resize: change,
      release: () => change(0),
    };
  }

  #move(bytes: number): void {
    this.#reservedBytes += bytes;
    this.#env.metrics.set('memoryBytes', this.#reservedBytes);
    if (bytes < 0) this.#grantWhatFits();
  }

  #grantWhatFits(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const fits = this.#reservedBytes + next.bytes <= this.limitBytes || this.#reservedBytes === 0;
      if (!fits) return;
      this.#waiting.shift();
      this.#move(next.bytes);
      next.grant();
    }
  }
}

function cancelled(): SluiceError {
  return new SluiceError('unavailable', 'CANCELLED', { message: 'the run ended while waiting for memory' });
}
