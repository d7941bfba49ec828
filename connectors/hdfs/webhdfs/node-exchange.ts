import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Env } from '../../../core/spi.ts';
import { WireError, type WireRequest, type WireResponse } from './wire.ts';

/** Large buffers are written in slices, so that a slow connection is told from a silent one. */
const SLICE_BYTES = 256 * 1024;

interface Watch {
  readonly timers: Pick<Env['timers'], 'after'>;
  readonly connectMs: number;
  readonly silenceMs: number;
}

interface NodeExchangeParts {
  readonly outgoing: ClientRequest;
  readonly request: WireRequest;
  readonly signal: AbortSignal | undefined;
  readonly watch: Watch;
}

/** One request over a socket: sends, waits, and gives up by phase. Its timer runs only while the other side has to move. */
export class NodeExchange {
  readonly answer: Promise<WireResponse>;
  readonly #parts: NodeExchangeParts;
  readonly #answered = Promise.withResolvers<WireResponse>();
  readonly #connected = Promise.withResolvers<void>();
  #isConnected = false;
  /** Nothing more is to be sent: there is an answer, or no connection. */
  #isOver = false;
  #endWait = () => {};
  #isAllSent = false;
  #cancelTimer = () => {};
  /** Why we broke it off ourselves. */
  #broken: unknown;

  constructor(parts: NodeExchangeParts) {
    this.#parts = parts;
    this.answer = this.#answered.promise;
    const { outgoing, signal } = parts;
    outgoing.on('socket', (socket) => this.#watchConnecting(socket));
    outgoing.on('response', (incoming) => this.#accept(incoming));
    outgoing.on('error', (error) => this.#fail(wireError(error, this.#isConnected)));
    outgoing.on('close', () => this.#fail(wireError('the connection was closed without an answer', this.#isConnected)));
    if (signal !== undefined) {
      const abort = () => this.#breakOff(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      outgoing.once('close', () => signal.removeEventListener('abort', abort));
    }
    this.#send().catch((error) => this.#breakOff(error));
  }

  async #send(): Promise<void> {
    const { outgoing, request } = this.#parts;
    const { body } = request;
    if (body !== undefined) {
      // What a connection never came about for is not asked of its source.
      if ((await this.#orOver(this.#connected.promise)) === 'over') return;
      if (Buffer.isBuffer(body)) await this.#write(body);
      else if (!(await this.#stream(body, lengthOf(request)))) return;
    }
    if (this.#isOver) return;
    this.#isAllSent = true;
    outgoing.end();
    if (this.#isConnected) this.#expect(this.#parts.watch.silenceMs, 'no answer');
  }

  /** False when it ended early, since nobody wants the rest. */
  async #stream(body: AsyncIterable<Buffer>, bytesSaid: number | undefined): Promise<boolean> {
    const iterator = body[Symbol.asyncIterator]();
    let bytes = 0;
    for (;;) {
      const next = iterator.next();
      const taken = await this.#orOver(next);
      if (taken === 'over' || this.#isOver) {
        giveUp(iterator, next);
        return false;
      }
      if (taken.done === true) break;
      bytes += taken.value.length;
      if (bytesSaid !== undefined && bytes > bytesSaid) {
        giveUp(iterator, next);
        throw new WireError(`the body is longer than the ${bytesSaid} bytes it was said to have`, { isSent: true });
      }
      await this.#write(taken.value);
    }
    if (bytesSaid === undefined || bytes === bytesSaid) return true;
    throw new WireError(`the body ended after ${bytes} of ${bytesSaid} bytes`, { isSent: true });
  }

  async #write(chunk: Buffer): Promise<void> {
    const { outgoing, watch } = this.#parts;
    for (let from = 0; from < chunk.length && !this.#isOver; from += SLICE_BYTES) {
      const slice = chunk.subarray(from, from + SLICE_BYTES);
      // Until then the memory is in use, and the stream must not be asked for more.
      const flushed = new Promise<void>((resolve) => outgoing.write(slice, () => resolve()));
      this.#expect(watch.silenceMs, 'nothing was taken');
      await this.#orOver(flushed);
      // What follows is our own waiting: the other side is not late.
      this.#rest();
    }
  }

  #watchConnecting(socket: Socket): void {
    const connected = () => {
      this.#isConnected = true;
      this.#rest();
      this.#connected.resolve();
      if (this.#isAllSent) this.#expect(this.#parts.watch.silenceMs, 'no answer');
    };
    if (!socket.connecting) {
      connected();
      return;
    }
    this.#expect(this.#parts.watch.connectMs, 'no connection');
    socket.once((socket as TLSSocket).encrypted ? 'secureConnect' : 'connect', connected);
  }

  #accept(incoming: IncomingMessage): void {
    this.#end();
    const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
    const body = { [Symbol.asyncIterator]: () => this.#bodyOf(incoming) };
    this.#answered.resolve({ status: incoming.statusCode ?? 0, headers: Object.fromEntries(headers), body });
  }

  /** Not a generator, which does nothing at all when it is given up before its first chunk. */
  #bodyOf(incoming: IncomingMessage): AsyncIterator<Buffer, undefined> {
    const { outgoing, watch } = this.#parts;
    const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    const done = () => {
      this.#rest();
      // A connection on which they or we have left something is of no use to the next request.
      if (!this.#isAllSent || !incoming.complete) outgoing.destroy();
      return { done: true, value: undefined } as const;
    };
    return {
      next: async () => {
        this.#expect(watch.silenceMs, 'no more of the answer');
        try {
          const taken = await chunks.next();
          this.#rest();
          return taken.done === true ? done() : taken;
        } catch (error) {
          done();
          throw this.#broken ?? wireError(error, true);
        }
      },
      return: async () => {
        incoming.destroy();
        return done();
      },
    };
  }

  /** Not `Promise.race`, which would keep every chunk for as long as what it is raced against. */
  #orOver<T>(awaited: Promise<T>): Promise<T | 'over'> {
    return new Promise((resolve, reject) => {
      this.#endWait = () => resolve('over');
      if (this.#isOver) resolve('over');
      awaited.then(resolve, reject);
    });
  }

  #expect(ms: number, what: string): void {
    this.#cancelTimer();
    const late = () => this.#breakOff(new WireError(`${what} for ${ms} ms`, { isSent: this.#isConnected }));
    this.#cancelTimer = this.#parts.watch.timers.after(ms, late);
  }

  #rest(): void {
    this.#cancelTimer();
  }

  #end(): void {
    this.#rest();
    this.#isOver = true;
    this.#endWait();
  }

  #breakOff(error: unknown): void {
    this.#broken = error;
    this.#parts.outgoing.destroy();
    this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#end();
    this.#answered.reject(error);
  }
}

function wireError(error: unknown, isSent: boolean): WireError {
  const cause = error instanceof Error ? error : new Error(String(error));
  return new WireError(cause.message, { isSent, code: (cause as NodeJS.ErrnoException).code, cause });
}

function lengthOf({ headers }: WireRequest): number | undefined {
  const text = headers['content-length'];
  return text === undefined ? undefined : Number(text);
}

/** Lets a source clean up. */
function giveUp(iterator: AsyncIterator<Buffer>, next: Promise<unknown>): void {
  next.catch(() => {}); // the request has its outcome already, which its caller hears
  iterator.return?.()?.catch(() => {}); // likewise: a source that fails to clean up changes nothing of it
}
