import type { Env, SluiceError, Split } from '../../core/spi.ts';
import type { KafkaPosition } from './positions.ts';

/** Times of the next attempts are rounded up to this. */
const GRID_MS = 50;

/** What is being done about one partition. */
export type SplitState =
  /** Its leader, stop position and history are looked up, not before `readyAtMs` (monotonic). */
  | { kind: 'placing'; readyAtMs: number }
  | { kind: 'fetching'; nodeId: number; leaderEpoch: number }
  /** Everything wanted of it was fetched. */
  | { kind: 'done' }
  /** Its topic was deleted, and that is allowed. */
  | { kind: 'ignored' }
  /** Reading ends before `offset`; what was fetched before is still delivered. */
  | { kind: 'failed'; offset: number; error: SluiceError };

/** One assigned partition. Assigning it again makes a new object, so an answer to the old one is recognised. */
export class ReadSplit {
  readonly split: Split;
  /** Where the next fetch begins. */
  position: KafkaPosition;
  /** Behind what `poll` has handed out. */
  delivered: KafkaPosition;
  /** The stop position; Infinity = none. Undefined until it is looked up. */
  offsetTo: number | undefined;
  /** The last stable offset (or high watermark) as last heard; undefined before the first answer. */
  endOffset: number | undefined;
  state: SplitState;
  /** The leader epoch for which the history of the log was compared with ours. */
  verifiedLeaderEpoch = -1;
  /** Set while the topic is not in the metadata. */
  missingSinceMs: number | undefined;
  /** A broker refused the position: what the log holds has to be looked up. */
  outOfRange = false;
  /** Attempts since the last good answer. */
  failures = 0;
  #jump: { offsetFrom: number; to: KafkaPosition } | undefined;

  constructor(split: Split, position: KafkaPosition, nowMs: number) {
    this.split = split;
    this.position = position;
    this.delivered = position;
    this.state = { kind: 'placing', readyAtMs: nowMs };
  }

  /** Goes on somewhere else, by the out-of-range policy, after what was fetched before is delivered. */
  jumpTo(position: KafkaPosition): void {
    this.#jump = { offsetFrom: this.position.offset, to: position };
    this.position = position;
  }

  /** Whether records fetched from `offset` are the next to be delivered. */
  continuesAt(offset: number): boolean {
    this.#landJump();
    return this.delivered.offset === offset;
  }

  #landJump(): void {
    if (this.delivered.offset !== this.#jump?.offsetFrom) return;
    this.delivered = this.#jump.to;
    this.#jump = undefined;
  }

  fail(offset: number, error: SluiceError): void {
    this.state = { kind: 'failed', offset, error };
  }

  /** Everything that is wanted was handed out. */
  get ended(): boolean {
    if (this.state.kind === 'ignored') return true;
    if (this.state.kind !== 'done') return false;
    this.#landJump();
    return this.delivered.offset >= Math.min(this.position.offset, this.offsetTo ?? 0);
  }
}

/**
 * Looks for the leaders of these again, together, after a pause that grows with every failure since the last good answer.
 */
export function placeAgain(splits: readonly ReadSplit[], { clock, random }: Env): void {
  const failures = Math.max(0, ...splits.map((split) => split.failures)) + 1;
  // On a grid, so that splits refused one by one are looked for together.
  const readyAtMs = Math.ceil((clock.monotonicMs() + pauseMs(failures, random.next())) / GRID_MS) * GRID_MS;
  for (const split of splits) {
    split.failures = failures;
    split.state = { kind: 'placing', readyAtMs };
  }
}

/** 50 ms doubling to 1 s, less up to a fifth so that many clients do not come at once. */
export function pauseMs(failures: number, random: number): number {
  return Math.min(1_000, 50 * 2 ** Math.min(failures - 1, 10)) * (1 - random / 5);
}
