/** What happens at one port call of a run. `Before`: the request never took effect; `After`: it did, the answer is never seen. */
export type FaultKind = 'crashBefore' | 'crashAfter' | 'error' | 'lostResponse' | 'pauseBefore' | 'pauseAfter';

export interface Fault {
  /** The number of the call, from 1. */
  readonly at: number;
  readonly kind: FaultKind;
}

/**
 * Every port call of one process passes here: it is counted, and at one of them the process dies, is paused, or gets an
 * error with or without effect. After death no call has any effect and none ever answers.
 */
export class Gate {
  readonly #fault: Fault | undefined;
  readonly #makeError: (label: string) => Error;
  readonly labels: string[] = [];
  #dead = false;
  #resume: (() => void) | undefined;
  #paused: Promise<void> | undefined;
  #reached: (event: 'crashed' | 'paused') => void = () => {};
  /** Resolves when the process dies or is paused. */
  readonly stopped: Promise<'crashed' | 'paused'>;

  constructor({ fault, makeError }: { fault?: Fault | undefined; makeError: (label: string) => Error }) {
    this.#fault = fault;
    this.#makeError = makeError;
    this.stopped = new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  async call<T>(label: string, effect: () => Promise<T>): Promise<T> {
    await this.#admission();
    this.labels.push(label);
    const kind = this.#fault?.at === this.labels.length ? this.#fault.kind : undefined;
    switch (kind) {
      case undefined:
        return await this.#answer(effect);
      case 'error':
        throw this.#makeError(label);
      case 'lostResponse':
        await effect();
        throw this.#makeError(label);
      case 'crashBefore':
        this.die();
        return await never();
      case 'crashAfter':
        await effect();
        this.die();
        return await never();
      case 'pauseBefore':
        this.#pause();
        await this.#admission();
        return await this.#answer(effect);
      case 'pauseAfter': {
        this.#pause();
        const answer = await effect();
        await this.#admission();
        return answer;
      }
    }
  }

  die(): void {
    this.#dead = true;
    this.#reached('crashed');
  }

  resume(): void {
    this.#paused = undefined;
    this.#resume?.();
  }

  #pause(): void {
    this.#paused = new Promise((resolve) => {
      this.#resume = resolve;
    });
    this.#reached('paused');
  }

  async #admission(): Promise<void> {
    if (this.#dead) await never();
    await this.#paused;
  }

  async #answer<T>(effect: () => Promise<T>): Promise<T> {
    const answer = await effect();
    await this.#admission();
    return answer;
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
