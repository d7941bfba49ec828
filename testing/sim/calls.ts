import type { Dice } from '../dice.ts';
import type { VirtualProcess, VirtualTime } from '../virtual-time.ts';
import type { Trace } from './trace.ts';

/** Which world a call goes to: a local disk answers a process that lives, the others lie behind a network. */
export type Port = 'disk' | 'store' | 's3' | 'hdfs' | 'kafka';

/** What becomes of one call, besides taking its time. */
export type Fate =
  | { readonly kind: 'clean' }
  /** It never takes effect, and the caller gets an error; `afterMs`, when its time limit is over. */
  | { readonly kind: 'refused'; readonly error: Error; readonly afterMs?: number }
  /** It takes effect, and the caller gets an error. */
  | { readonly kind: 'answerLost'; readonly error: Error; readonly afterMs?: number }
  /** The caller gets an error, and it takes effect that much later. */
  | { readonly kind: 'late'; readonly error: Error; readonly byMs: number }
  /** Something between sends it a second time; the caller gets the second answer. */
  | { readonly kind: 'twice' };

export const CLEAN: Fate = { kind: 'clean' };

/** What happens at one call of a run, for a sweep over all of them. */
export type StrikeKind =
  | 'crashBefore'
  | 'crashAfter'
  /** An error without effect. */
  | 'error'
  /** An error, and it took effect. */
  | 'answerLost'
  | 'twice'
  | 'pauseBefore'
  | 'pauseAfter';

export interface Strike {
  /** The number of the call, from 1. */
  readonly at: number;
  readonly kind: StrikeKind;
}

/** Who calls: its name in the trace, its clock, and whether it still lives. */
export interface Caller {
  readonly name: string;
  readonly virtual: VirtualProcess;
  alive: boolean;
  /** What breaks when it dies. */
  readonly connections: { cut(): void }[];
}

interface Request {
  readonly by: Caller;
  readonly port: Port;
  readonly label: string;
  cancel(): void;
}

export interface CallsOptions {
  readonly time: VirtualTime;
  readonly world: VirtualProcess;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly fateOf: (port: Port, label: string, by: Caller) => Fate;
  readonly strikes: readonly Strike[];
  /** The struck caller dies or is paused now. */
  readonly onStrike: (kind: 'crash' | 'pause', by: Caller) => void;
  readonly errorOf: (port: Port, label: string) => Error;
  /** Milliseconds that a request or an answer is on its way, at most; most take far less. */
  readonly latencyMs: Readonly<Record<Port, number>>;
}

/**
 * Every port call of every process: two events, the request takes effect and the answer comes back, in an order that the dice
 * decide. What a dead process had on its way lands or does not; a paused one gets its answers when it goes on.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #onTheWay = new Set<Request>();
  /** Sent and not answered. */
  readonly #open = new Set<Request>();
  /** Every call so far, by what it does. */
  readonly labels: string[] = [];

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  call<T>(by: Caller, port: Port, label: string, effect: () => T | Promise<T>): Promise<T> {
    if (!by.alive) return never();
    this.labels.push(label);
    const { strikes, onStrike } = this.#options;
    const struck = strikes.find(({ at }) => at === this.labels.length)?.kind;
    if (struck === 'crashBefore') {
      onStrike('crash', by);
      return never();
    }
    if (struck === 'pauseBefore' || struck === 'pauseAfter') onStrike('pause', by);
    const fate = struck === undefined ? this.#options.fateOf(port, label, by) : this.#fateOf(struck, port, label);
    return new Promise<T>((resolve, reject) => {
      const land = async () => {
        this.#onTheWay.delete(request);
        this.#trace(by, '>', label, fate);
        let answer: () => void;
        try {
          const result = await effect();
          const last = fate.kind === 'twice' ? await effect() : result;
          answer = () => resolve(last);
        } catch (error) {
          answer = () => reject(error);
        }
        if (struck === 'crashAfter') onStrike('crash', by);
        if (fate.kind === 'answerLost') answer = () => reject(fate.error);
        if (fate.kind !== 'late') this.#answer(request, answer, fate);
      };
      const refuse = () => {
        this.#open.delete(request);
        this.#trace(by, 'x', label, fate);
        reject((fate as { error: Error }).error);
      };
      const outMs = this.#latencyMs(port);
      const request: Request = { by, port, label, cancel: () => {} };
      this.#open.add(request);
      if (fate.kind === 'refused') {
        by.virtual.env.timers.after(fate.afterMs ?? outMs, refuse);
        return;
      }
      if (fate.kind === 'late') by.virtual.env.timers.after(outMs, refuse);
      const landMs = fate.kind === 'late' ? outMs + fate.byMs : outMs;
      // What a paused process has not sent yet it sends when it goes on.
      const sender = struck === 'pauseBefore' ? by.virtual : this.#options.world;
      request.cancel = this.#options.time.arm(sender, landMs, land);
      this.#onTheWay.add(request);
    });
  }

  #fateOf(struck: StrikeKind, port: Port, label: string): Fate {
    const error = this.#options.errorOf(port, label);
    if (struck === 'error') return { kind: 'refused', error };
    if (struck === 'answerLost') return { kind: 'answerLost', error };
    return struck === 'twice' ? { kind: 'twice' } : CLEAN;
  }

  /** The caller has died: what it had on its way lands or not. A disk knows only what has reached it. */
  died(by: Caller): void {
    for (const request of this.#open) if (request.by === by) this.#open.delete(request);
    for (const request of this.#onTheWay) {
      if (request.by !== by) continue;
      if (this.#options.dice.chance(0.5)) continue;
      request.cancel();
      this.#onTheWay.delete(request);
      this.#trace(by, 'lost', request.label, CLEAN);
    }
  }

  /** Whether an answer is missing to a call whose label begins so. */
  isBusy(by: Caller, labelStart: string): boolean {
    for (const request of this.#open) if (request.by === by && request.label.startsWith(labelStart)) return true;
    return false;
  }

  /** Nothing that is on its way to a port reaches it any more: a disk without power, a store that is tampered with. */
  dropAll(port: Port): void {
    for (const request of this.#onTheWay) {
      if (request.port !== port) continue;
      request.cancel();
      this.#onTheWay.delete(request);
    }
  }

  #answer(request: Request, answer: () => void, fate: Fate): void {
    const { by, port, label } = request;
    if (!by.alive) return;
    const limitMs = fate.kind === 'answerLost' ? fate.afterMs : undefined;
    this.#options.time.arm(by.virtual, limitMs ?? this.#latencyMs(port), () => {
      this.#open.delete(request);
      this.#trace(by, '<', label, CLEAN);
      answer();
    });
  }

  /** Mostly short; now and then one is overtaken by many others. */
  #latencyMs(port: Port): number {
    const { dice, latencyMs } = this.#options;
    const max = latencyMs[port];
    return dice.chance(0.9) ? dice.next() * max * 0.1 : dice.next() * max;
  }

  #trace(by: Caller, arrow: string, label: string, fate: Fate): void {
    const { trace, time } = this.#options;
    trace.add(time.nowMs, `${by.name} ${arrow} ${label}${fate.kind === 'clean' ? '' : ` (${fate.kind})`}`);
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
