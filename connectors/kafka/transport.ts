import type { Api } from './api.ts';
import type { BrokerPort, CallOptions, Lane, RawReply } from './broker-port.ts';
import { type BrokerAddress, closedError, connectionFailure, decodeAnswer } from './connection-errors.ts';
import { FramePool } from './frame-pool.ts';
import { Link, type LinkOptions } from './link.ts';
import type { VersionRange } from './version-request.ts';

/** Timeouts and limits have defaults here. */
export type TransportOptions = Pick<LinkOptions, 'env' | 'clientId' | 'tls' | 'sasl'> &
  Partial<Pick<LinkOptions, 'connectTimeoutMs' | 'requestTimeoutMs' | 'responseBytesMax'>>;

/** Connections to brokers by address: opened when first needed, opened again after they broke. */
export class Transport implements BrokerPort {
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
    const link = await this.#link(address, lane);
    await link.keepAuthenticated();
    return link.send(api, api.encode(request), brokerWaitMs + this.#options.requestTimeoutMs);
  }

  async versions(address: BrokerAddress): Promise<ReadonlyMap<number, VersionRange>> {
    return (await this.#link(address, 'control')).versions;
  }

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
