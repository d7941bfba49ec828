import type { Frame, Split, SplitPosition, SplitReader } from '../../../../core/spi.ts';

type Polled = Frame | 'idle' | 'end' | Error;

/** Gives what it was made with, in order, and then the end. Remembers what it was told. */
export class FrameReader implements SplitReader<unknown> {
  readonly told: unknown[] = [];
  isDisposed = false;
  readonly #polls: Polled[];

  constructor(polls: readonly Polled[]) {
    this.#polls = [...polls];
  }

  assign(splits: readonly (Split & { position: unknown })[]): void {
    this.told.push(['assign', ...splits]);
  }

  revoke(splits: readonly string[]): void {
    this.told.push(['revoke', ...splits]);
  }

  announce(positions: readonly SplitPosition[]): void {
    this.told.push(['announce', ...positions]);
  }

  async poll(): Promise<Frame | 'idle' | 'end'> {
    const polled = this.#polls.shift() ?? 'end';
    if (polled instanceof Error) throw polled;
    return polled;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
  }
}
