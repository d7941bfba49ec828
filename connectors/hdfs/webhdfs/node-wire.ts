import { lookup as dnsLookup } from 'node:dns';
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Env } from '../../../core/spi.ts';
import { NodeExchange } from './node-exchange.ts';
import { PatientAgent } from './patient-socket.ts';
import { isForbiddenAddress } from './redirect.ts';
import { WireError, type WireExchange, type WireRequest, type WireResponse } from './wire.ts';

export interface NodeWireOptions {
  readonly timers: Pick<Env['timers'], 'after'>;
  /** Until a connection stands, TLS included. */
  readonly connectMs?: number;
  /** Without a byte in either direction while we wait for the other side: not while a body has nothing to send. */
  readonly silenceMs?: number;
  /** To one server at a time, of requests without a stream. */
  readonly socketsMax?: number;
}

const CONNECT_MS = 5_000;
/** DataNodes answer a write when all replicas have it. */
const SILENCE_MS = 60_000;
const SOCKETS_MAX = 64;
/** Idle connections are closed before servers do (10 s in older versions): a request sent meanwhile would end in doubt. */
const IDLE_MS = 4_000;

/** HTTP by `node:http`: fetch takes the 100 Continue that DataNodes send unasked for a bad answer, after the file was written. */
export class NodeWire implements WireExchange, AsyncDisposable {
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };
  readonly #watch: { timers: Pick<Env['timers'], 'after'>; connectMs: number; silenceMs: number };

  constructor({ timers, connectMs = CONNECT_MS, silenceMs = SILENCE_MS, socketsMax = SOCKETS_MAX }: NodeWireOptions) {
    const pool = { keepAlive: true, maxSockets: socketsMax, timeout: IDLE_MS, scheduling: 'lifo' } as const;
    this.#agents = { http: new PatientAgent(pool), https: new https.Agent(pool) };
    this.#watch = { timers, connectMs, silenceMs };
  }

  async exchange(
    request: WireRequest,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<WireResponse> {
    signal?.throwIfAborted();
    return await new NodeExchange({ outgoing: this.#begin(request), request, signal, watch: this.#watch }).answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #begin({ method, url, headers, body }: WireRequest): http.ClientRequest {
    const { protocol, hostname, port } = new URL(url);
    const isStream = body !== undefined && !Buffer.isBuffer(body);
    const options = {
      ...{ method, hostname: hostname.replace(/^\[|\]$/g, ''), port, lookup: checkedLookup },
      // The text itself, since `URL` would take dots out of a path.
      path: /^\w+:\/\/[^/?#]*(\/[^#]*)/.exec(url)?.[1] ?? '/',
      headers: Buffer.isBuffer(body) ? { ...headers, 'content-length': String(body.length) } : { ...headers },
    };
    // DataNodes close each connection, and an open part keeps one for long: streams do not take places in the pool.
    try {
      return protocol === 'https:'
        ? https.request({ ...options, agent: isStream ? false : this.#agents.https })
        : http.request({ ...options, agent: isStream ? new PatientAgent() : this.#agents.http });
    } catch (cause) {
      // A method, path or header that HTTP cannot express.
      throw new WireError(cause instanceof Error ? cause.message : String(cause), { isSent: false, cause });
    }
  }
}

/** Whatever name a redirect has, it must not lead to the addresses where machines keep their secrets. */
const checkedLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '');
    const good = addresses.filter(({ address }) => !isForbiddenAddress(address));
    const [first] = good;
    if (first === undefined) {
      const refusal = new Error(`${hostname} resolves to an address where no DataNode is`);
      return callback(Object.assign(refusal, { code: 'ENOTFOUND' }), '');
    }
    if (options.all === true) callback(null, good);
    else callback(null, first.address, first.family);
  });
};
