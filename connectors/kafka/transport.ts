import type { Api } from './api.ts';
import { type BrokerAddress, connectionFailure } from './connection-errors.ts';
import { FramePool } from './frame-pool.ts';
import { closedError, decode, Link, type LinkOptions, type RawReply } from './link.ts';
import type { VersionRange } from './version-request.ts';

/** Timeouts and limits have defaults here. */
export type TransportOptions = Pick<LinkOptions, 'env' | 'clientId' | 'tls' | 'sasl'> &
  Partial<Pick<LinkOptions, 'connectTimeoutMs' | 'requestTimeoutMs' | 'responseBytesMax'>>;

/** Fetches wait long at the broker, so they have a connection of their own. */
export type Lane = 'control' | 'fetch';

export interface CallOptions {
  lane: Lane;
  /** How long the broker itself may wait before it answers. */
  brokerWaitMs?: number;
}

/** Connections to brokers by address: opened when first needed, opened again after they broke. */
export class Transport {
  readonly frames = new FramePool();
  readonly #options: LinkOptions;
  readonly #links = new Map<string, Promise<Link>>();
  readonly #open = new Set<Link>();
  #authenticatedOnce = false;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = {
      connectTimeoutMs: 3_000,
      requestTimeoutMs: 10_000,
      responseBytesMax: 512 * 1024 * 1024,
      ...options,
    };
  }

  /** Sends one request and reads its answer. Throws `unavailable` when the connection fails; nothing is retried. */
  async call<Request, Response>(
    address: BrokerAddress,
    api: Api<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const reply = await this.callRaw(address, api, request, options);
    try {
      return decode(api, address, reply.reader);
    } finally {
      reply.release();
    }
  }

  /** As `call`, for answers whose bytes are used in place. */
  async callRaw<Request>(
    address: BrokerAddress,
    api: Api<Request, unknown>,
    request: Request,
    { lane, brokerWaitMs = 0 }: CallOptions,
  ): Promise<RawReply> {
    const link = await this.#link(address, lane);
    await link.keepAuthenticated();
    return link.send(api, api.encode(request), brokerWaitMs + this.#options.requestTimeoutMs);
  }

  /** The version ranges of a broker. */
  async versions(address: BrokerAddress): Promise<ReadonlyMap<number, VersionRange>> {
    return (await this.#link(address, 'control')).versions;
  }

  /** Ends every connection at once, also those with a long poll in flight. */
  close(): void {
    this.#closed = true;
    for (const link of this.#open) link.drop(closedError());
    this.#links.clear();
  }

  #link(address: BrokerAddress, lane: Lane): Promise<Link> {
    if (this.#closed) return Promise.reject(closedError());
    const key = `${address.host}:${address.port}/${lane}`;
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    // One promise for all who ask meanwhile: two connects would feed two sockets into one decoder.
    const opening = this.#openLink(address, key);
    this.#links.set(key, opening);
    opening.catch(() => this.#forget(key, opening));
    return opening;
  }

  async #openLink(address: BrokerAddress, key: string): Promise<Link> {
    const link = new Link(address, this.#options, this.frames, () => {
      this.#open.delete(link);
      const current = this.#links.get(key);
      if (current !== undefined) this.#forget(key, current);
    });
    this.#open.add(link);
    try {
      await link.open();
    } catch (error) {
      link.drop(closedError());
      throw connectionFailure(error, {
        address,
        tls: this.#options.tls !== undefined,
        sasl: this.#options.sasl?.mechanism,
        stage: link.stage,
        // Credentials that have worked before are not wrong: the broker may not have loaded its users yet.
        credentialsProven: this.#authenticatedOnce,
      });
    }
    this.#authenticatedOnce = true;
    return link;
  }

  #forget(key: string, link: Promise<Link>): void {
    if (this.#links.get(key) === link) this.#links.delete(key);
  }
}
