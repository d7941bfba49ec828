import type { Api } from '../../connectors/kafka/api.ts';
import type { BrokerPort, CallOptions, Lane, RawReply } from '../../connectors/kafka/broker-port.ts';
import {
  type BrokerAddress,
  ConnectionClosed,
  closedError,
  connectionFailure,
  decodeAnswer,
  RequestTimedOut,
} from '../../connectors/kafka/connection-errors.ts';
import { apiVersionsApi, type VersionRange } from '../../connectors/kafka/version-request.ts';
import { WireReader } from '../../connectors/kafka/wire.ts';
import type { Env } from '../../core/contract/env.ts';
import { answerInTime, type PollTime } from './long-poll.ts';
import type { KafkaModel } from './model.ts';

/** Decides when a request arrives, whether it does, and when and whether its answer comes back. */
export interface Exchange {
  /** `effect` runs when the request arrives; resolves when its answer is back; rejects when the connection was lost. */
  call<T>(label: string, effect: () => T | Promise<T>): Promise<T>;
}

export interface SimulatedWireOptions {
  model: KafkaModel;
  /** Of the program that asks. */
  env: Pick<Env, 'self' | 'timers'>;
  /** Of the brokers: fetches wait there. */
  world: PollTime;
  exchange: Exchange;
  /** May damage or replace an answer, which it gets as bytes of its own. */
  mangle?: ((apiKey: number, body: Buffer) => Buffer) | undefined;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** As in front of a real answer: its correlation id. */
const HEAD_BYTES = 4;
/** Pooled buffers are longer than what was received. */
const TAIL_BYTES = 28;
/** Old content of a buffer. */
const POISON = 0xdb;

/** What became of a request at its node. */
type Outcome = { kind: 'answered'; body: Buffer } | { kind: 'lost' } | { kind: 'failed'; error: unknown };

/** Ways to the nodes of a model, `node-<id>:9092`, in place of connections over the network. */
export class SimulatedWire implements BrokerPort {
  readonly #options: SimulatedWireOptions;
  readonly #links = new Map<string, SimulatedLink>();
  #closed = false;

  constructor(options: SimulatedWireOptions) {
    this.#options = options;
  }

  async call<Request, Response>(
    address: BrokerAddress,
    api: Api<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const reply = await this.callRaw(address, api, request, options);
    try {
      return decodeAnswer(api, address, reply.reader);
    } finally {
      reply.release();
    }
  }

  async callRaw<Request>(
    address: BrokerAddress,
    api: Api<Request, unknown>,
    request: Request,
    { lane, brokerWaitMs = 0 }: CallOptions,
  ): Promise<RawReply> {
    const link = this.#link(address, lane);
    await link.opened;
    return link.send(api, api.encode(request), brokerWaitMs + REQUEST_TIMEOUT_MS);
  }

  async versions(address: BrokerAddress): Promise<ReadonlyMap<number, VersionRange>> {
    return this.#link(address, 'control').opened;
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.drop(closedError());
  }

  #link(address: BrokerAddress, lane: Lane): SimulatedLink {
    if (this.#closed) throw closedError();
    const key = `${address.host}:${address.port}/${lane}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new SimulatedLink(address, this.#options, () => this.#links.delete(key));
      this.#links.set(key, link);
    }
    return link;
  }
}

/** One connection: with one lost answer all that wait on it are lost. */
class SimulatedLink {
  /** Settles with what the broker offers. */
  readonly opened: Promise<ReadonlyMap<number, VersionRange>>;
  readonly #address: BrokerAddress;
  readonly #nodeId: number;
  readonly #options: SimulatedWireOptions;
  readonly #onDropped: () => void;
  readonly #waiting = new Set<(error: unknown) => void>();
  #dropped: unknown;

  constructor(address: BrokerAddress, options: SimulatedWireOptions, onDropped: () => void) {
    this.#address = address;
    this.#nodeId = address.port === 9092 ? Number(/^node-(\d+)$/.exec(address.host)?.[1] ?? -1) : -1;
    this.#options = options;
    this.#onDropped = onDropped;
    this.opened = this.#open();
    // Whoever asks for it gets the error.
    this.opened.catch(() => {});
  }

  /** One request and its answer; when `timeoutMs` pass without it, the connection counts as lost. */
  send(api: Api<never, unknown>, body: Buffer, timeoutMs: number): Promise<RawReply> {
    if (this.#dropped !== undefined) return Promise.reject(this.#dropped);
    const { env, exchange } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<RawReply>();
    this.#waiting.add(reject);
    const cancel = env.timers.after(timeoutMs, () => this.#lose(new RequestTimedOut(api.name, timeoutMs)));
    const settled = () => {
      cancel();
      this.#waiting.delete(reject);
    };
    promise.then(settled, settled);
    exchange
      .call(`kafka.${api.name} ${this.#nodeId}`, () => this.#arrive(api, body))
      .then(
        (outcome) => {
          if (outcome.kind === 'failed') reject(outcome.error);
          else if (outcome.kind === 'lost') this.#lose(new ConnectionClosed());
          else resolve(received(outcome.body));
        },
        (error) => this.#lose(error),
      );
    return promise;
  }

  /** Breaks the connection; whoever waits for an answer gets `error`. */
  drop(error: unknown): void {
    if (this.#dropped !== undefined) return;
    this.#dropped = error;
    this.#onDropped();
    for (const reject of this.#waiting) reject(error);
  }

  async #open(): Promise<ReadonlyMap<number, VersionRange>> {
    const clientVersion = this.#options.env.self.version;
    const answer = await this.send(apiVersionsApi, apiVersionsApi.encode({ clientVersion }), REQUEST_TIMEOUT_MS);
    return decodeAnswer(apiVersionsApi, this.#address, answer.reader).ranges;
  }

  /** At the node. A mistake of the model is no lost connection, so it travels as a value. */
  #arrive(api: Api<never, unknown>, body: Buffer): Outcome | Promise<Outcome> {
    const { model, world, mangle } = this.#options;
    const nodeId = this.#nodeId;
    const outcome = (answered: Buffer | undefined): Outcome => {
      if (answered === undefined) return { kind: 'lost' };
      return { kind: 'answered', body: mangle === undefined ? answered : mangle(api.key, answered) };
    };
    try {
      const request = { nodeId, apiKey: api.key, apiVersion: api.version, reader: new WireReader(body) };
      const answered = answerInTime(model, request, world, () => !model.state.isRunning(nodeId));
      if (!(answered instanceof Promise)) return outcome(answered);
      return answered.then(outcome).catch((error) => ({ kind: 'failed', error }));
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  #lose(cause: unknown): void {
    const facts = { address: this.#address, tls: false, sasl: undefined, credentialsProven: true };
    this.drop(connectionFailure(new Error('the connection was lost', { cause }), { ...facts, stage: 'proven' }));
  }
}

/** The answer in a receive buffer of its own, between bytes of others. */
function received(body: Buffer): RawReply {
  const frame = Buffer.allocUnsafeSlow(HEAD_BYTES + body.length + TAIL_BYTES);
  frame.fill(POISON, 0, HEAD_BYTES);
  body.copy(frame, HEAD_BYTES);
  frame.fill(POISON, HEAD_BYTES + body.length);
  return {
    reader: new WireReader(frame, HEAD_BYTES, HEAD_BYTES + body.length),
    release: () => {
      frame.fill(POISON);
    },
  };
}
