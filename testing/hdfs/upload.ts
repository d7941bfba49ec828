import { type Context, leaveOpen } from './context.ts';
import { connectionReset, HdfsRefusal } from './errors.ts';
import { append, close, create, grow, holds, type Opened, type WriteOp, written } from './files.ts';
import type { HdfsResponse } from './http.ts';

/** What an upload asks of the model at the moment when something comes. */
export interface UploadHost {
  readonly nowMs: () => number;
  /** Throws when no NameNode can be told that the file is whole. */
  requireActive(): void;
  /** The answer to a request that has been refused. */
  refused(error: HdfsRefusal): HdfsResponse;
  closed(): void;
}

type State =
  | { readonly kind: 'open'; readonly opened: Opened }
  | { readonly kind: 'refused'; readonly answer: HdfsResponse }
  /** Nobody hears of it any more. */
  | { readonly kind: 'ended' };

/** The second step of CREATE or APPEND: bytes on their way into a file, through a DataNode or a gateway. */
export class ModelUpload {
  readonly #context: Context;
  readonly #op: WriteOp;
  readonly #where: string;
  readonly #host: UploadHost;
  #state: State;

  constructor(context: Context, op: WriteOp, where: string, holder: string, host: UploadHost) {
    this.#context = context;
    this.#op = op;
    this.#where = where;
    this.#host = host;
    this.#state = this.#begun(holder);
  }

  get isRefused(): boolean {
    return this.#state.kind === 'refused';
  }

  /** Throws ECONNRESET when the DataNode is gone, as `finish` does. */
  write(bytes: Uint8Array): void {
    const state = this.#requireConnected();
    if (state.kind !== 'open' || bytes.length === 0) return;
    try {
      if (holds(this.#context, state.opened)) grow(state.opened, bytes);
    } catch (error) {
      // A refusal in the middle closes the file with what it has.
      close({ ...this.#context, nowMs: this.#host.nowMs() }, state.opened);
      this.#state = { kind: 'refused', answer: this.#answerTo(error) };
    }
  }

  finish(): HdfsResponse {
    const state = this.#requireConnected();
    this.#state = { kind: 'ended' };
    this.#host.closed();
    if (state.kind === 'refused') return state.answer;
    try {
      this.#host.requireActive();
      close({ ...this.#context, nowMs: this.#host.nowMs() }, state.opened);
    } catch (error) {
      if (holds(this.#context, state.opened)) this.#leave(state.opened);
      return this.#answerTo(error);
    }
    return written(this.#context, this.#op, this.#where);
  }

  /** The sender is gone: the file is closed with what has come. */
  cut(): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    this.#host.closed();
    if (state.kind === 'open' && holds(this.#context, state.opened))
      close({ ...this.#context, nowMs: this.#host.nowMs() }, state.opened);
  }

  /** The DataNode is gone: the file stays open, and nobody renews its lease. */
  abandon(): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    if (state.kind === 'open' && holds(this.#context, state.opened)) this.#leave(state.opened);
  }

  #leave({ file, lease }: Opened): void {
    leaveOpen(this.#context.tree, file, lease, this.#host.nowMs());
  }

  #begun(holder: string): State {
    try {
      const opened = this.#op === 'CREATE' ? create(this.#context, holder) : append(this.#context, holder);
      return { kind: 'open', opened };
    } catch (error) {
      return { kind: 'refused', answer: this.#answerTo(error) };
    }
  }

  #requireConnected(): Exclude<State, { kind: 'ended' }> {
    if (this.#state.kind === 'ended') throw connectionReset();
    return this.#state;
  }

  #answerTo(error: unknown): HdfsResponse {
    if (error instanceof HdfsRefusal) return this.#host.refused(error);
    throw error;
  }
}

/** An upload that has been refused before it could begin. */
export function refusedUpload(answer: HdfsResponse): Pick<ModelUpload, 'write' | 'finish' | 'cut' | 'isRefused'> {
  return { isRefused: true, write: () => {}, finish: () => answer, cut: () => {} };
}
