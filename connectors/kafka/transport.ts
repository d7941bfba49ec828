import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type tls from 'node:tls';
import { type Env, SluiceError } from '../../core/spi.ts';
import {
  type BrokerAddress,
  ConnectionClosed,
  connectionFailure,
  type LinkStage,
  RequestTimedOut,
  responseMalformed,
} from './connection-errors.ts';
import { nameOf } from './errors.ts';
import { FramePool } from './frame-pool.ts';
import { connectReceiver } from './receiver.ts';
import { type Api, apiVersionsApi, apiVersionsApiV0, REQUIRED_APIS, type VersionRange } from './requests.ts';
import { WireReader, WireWriter } from './wire.ts';

/*
 * The only file that knows the insides of kafkajs, and that uses it at all. Taken from it: one Connection each for sockets,
 * TLS, SASL with re-authentication, and the table of requests in flight. Everything above and below that is ours:
 * its cluster, its consumer, its receive path, its timeouts and its retries are not used. The patches are per instance, so
 * a kafkajs that the user runs in the same process is not changed.
 */

const require = createRequire(import.meta.url);
const KAFKAJS_VERSION = '2.2.4';

interface KafkajsConnection {
  readonly clientId: string;
  readonly requestQueue: KafkajsRequestQueue;
  readonly sasl: unknown;
  readonly socket: Socket | undefined;
  authHandlers: { onSuccess(bytes: Buffer): void } | null;
  connectionStatus: string;
  connect(): Promise<unknown>;
  authenticate(): Promise<void>;
  isConnected(): boolean;
  isAuthenticated(): boolean;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
  setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
}

interface KafkajsRequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
  push(request: {
    entry: {
      apiKey: number;
      apiName: string;
      apiVersion: number;
      correlationId: number;
      resolve(response: { payload: Buffer }): void;
      reject(error: Error): void;
    };
    expectResponse: boolean;
    requestTimeout: number | null;
    sendRequest(): void;
  }): void;
  fulfillRequest(response: { correlationId: number; payload: Buffer; size: number }): void;
  destroy(): void;
}

interface KafkajsConnectionOptions {
  host: string;
  port: number;
  logger: unknown;
  socketFactory(options: { onConnect(): void }): Socket;
  clientId: string;
  requestTimeout: number;
  connectionTimeout: number;
  reauthenticationThreshold: number;
  enforceRequestTimeout: boolean;
  maxInFlightRequests: null;
  ssl: unknown;
  sasl: unknown;
}

const SASL_AUTHENTICATE = 36;
/** Longer for nothing but SASL, whose server may ask a directory. */
const AUTHENTICATION_TIMEOUT_MS = 10_000;
/** Renews a SASL session this long before it ends. */
const REAUTHENTICATION_THRESHOLD_MS = 10_000;

/** SASL as the transport takes it; the mechanism names are those of kafkajs. */
export type SaslCredentials =
  | { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
  | { mechanism: 'oauthbearer'; oauthBearerProvider: () => Promise<{ value: string }> };

export interface TransportOptions {
  env: Env;
  clientId: string;
  tls: tls.ConnectionOptions | undefined;
  sasl: SaslCredentials | undefined;
  connectTimeoutMs?: number;
  /** Without a single byte on the connection for this long, a request has failed. */
  requestTimeoutMs?: number;
  /** A longer response is not Kafka's. */
  responseBytesMax?: number;
}

/** Fetches wait long at the broker, so they have a connection of their own. */
export type Lane = 'control' | 'fetch';

export interface CallOptions {
  lane: Lane;
  /** How long the broker itself may wait before it answers. */
  brokerWaitMs?: number;
}

/** An answer that still lies in its receive buffer. `release` gives the buffer back, once. */
export interface RawReply {
  /** Stands behind the response header. */
  readonly reader: WireReader;
  release(): void;
}

/** Connections to brokers by address: opened when first needed, opened again after they broke. */
export class Transport {
  readonly frames = new FramePool();
  readonly #options: Required<TransportOptions>;
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

/** One connection, used until it breaks and never again. */
class Link {
  readonly #address: BrokerAddress;
  readonly #options: Required<TransportOptions>;
  readonly #frames: FramePool;
  readonly #connection: KafkajsConnection;
  readonly #onClosed: () => void;
  /** Those who wait for something that is not a request. */
  readonly #waiting = new Set<(error: Error) => void>();
  #receivedCount = 0;
  #dropped: Error | undefined;
  stage: LinkStage = 'connecting';
  versions: ReadonlyMap<number, VersionRange> = new Map();

  constructor(address: BrokerAddress, options: Required<TransportOptions>, frames: FramePool, onClosed: () => void) {
    this.#address = address;
    this.#options = options;
    this.#frames = frames;
    this.#onClosed = onClosed;
    const { Connection, logger } = loadKafkajs(options.env);
    this.#connection = new Connection({
      ...address,
      logger,
      clientId: options.clientId,
      connectionTimeout: options.connectTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      reauthenticationThreshold: REAUTHENTICATION_THRESHOLD_MS,
      // Its timeouts leave a half-open connection in use and cannot be shorter than the default: ours drop it.
      enforceRequestTimeout: false,
      maxInFlightRequests: null,
      ssl: options.tls ?? null,
      // A copy, since kafkajs stores its authenticator in it.
      sasl: options.sasl === undefined ? null : { ...options.sasl },
      socketFactory: ({ onConnect }) => this.#connectSocket(onConnect),
    });
    const queue = this.#connection.requestQueue;
    const schedule = queue.scheduleCheckPendingRequests.bind(queue);
    // As it is, kafkajs arms a 1 ms timer for ever after the first request.
    queue.scheduleCheckPendingRequests = () => {
      if (queue.pending.length > 0) schedule();
    };
  }

  async open(): Promise<void> {
    // kafkajs forgets to settle its promise when the server ends the connection before it is made; `drop` settles ours.
    await this.#bounded(this.#connection.connect(), this.#options.connectTimeoutMs + 1_000, 'connecting');
    this.stage = 'versions';
    this.versions = await this.#readVersions();
    const versions: Record<number, { minVersion: number; maxVersion: number }> = {};
    for (const [key, { min, max }] of this.versions) versions[key] = { minVersion: min, maxVersion: max };
    this.#connection.setVersions(versions);
    this.#connection.setSupportAuthenticationProtocol(this.versions.has(SASL_AUTHENTICATE));
    this.stage = 'authenticating';
    await this.keepAuthenticated();
    this.stage = 'unproven';
  }

  /** Authenticates, now or again shortly before the session ends. */
  async keepAuthenticated(): Promise<void> {
    const connection = this.#connection;
    if (!connection.sasl || connection.isAuthenticated()) return;
    try {
      await this.#bounded(connection.authenticate(), AUTHENTICATION_TIMEOUT_MS, 'authenticating');
    } catch (error) {
      // kafkajs reports a connection lost meanwhile as wrong credentials; only the state of the link can tell.
      const cause = this.#dropped ?? error;
      this.drop(closedError());
      throw this.stage === 'authenticating' ? cause : this.#failure(cause);
    }
  }

  /** One request and its answer; `silentMsMax` without any byte arriving drops the whole connection. */
  send(api: Api<never, unknown>, body: Buffer, silentMsMax: number): Promise<RawReply> {
    return new Promise<RawReply>((resolve, reject) => {
      const fail = (error: unknown) => reject(this.#failure(error));
      if (this.#dropped !== undefined) return fail(this.#dropped);
      const connection = this.#connection;
      const correlationId = connection.nextCorrelationId();
      const head = requestHead(api, correlationId, connection.clientId, body.length);
      const stopWatch = this.#watchSilence(silentMsMax, api.name);
      connection.requestQueue.push({
        entry: {
          apiKey: api.key,
          apiName: api.name,
          apiVersion: api.version,
          correlationId,
          resolve: ({ payload }) => {
            stopWatch();
            if (this.stage === 'unproven') this.stage = 'proven';
            resolve(this.#reply(api, payload));
          },
          reject: (error) => {
            stopWatch();
            fail(this.#dropped ?? error);
          },
        },
        expectResponse: true,
        requestTimeout: null,
        sendRequest: () => {
          const socket = connection.socket as Socket;
          socket.cork();
          socket.write(head);
          if (body.length > 0) socket.write(body);
          socket.uncork();
        },
      });
    });
  }

  /** Breaks the connection; whoever waits for an answer gets `error`. */
  drop(error: Error): void {
    if (this.#dropped !== undefined) return;
    this.#dropped = error;
    const connection = this.#connection;
    connection.rejectRequests(error);
    connection.requestQueue.destroy();
    connection.connectionStatus = 'disconnected';
    connection.socket?.destroy();
    this.#onClosed();
    for (const reject of this.#waiting) reject(error);
  }

  async #readVersions(): Promise<ReadonlyMap<number, VersionRange>> {
    for (const api of [apiVersionsApi, apiVersionsApiV0]) {
      const reply = await this.send(api, api.encode({ clientVersion: '0' }), this.#options.requestTimeoutMs);
      const { errorCode, ranges } = decode(api, this.#address, reply.reader);
      reply.release();
      if (errorCode === 0) {
        requireApis(ranges, this.#address);
        return ranges;
      }
      if (api === apiVersionsApiV0) throw new Error(`ApiVersions failed with ${nameOf(errorCode)}`);
    }
    throw new Error('unreachable');
  }

  #connectSocket(onConnect: () => void): Socket {
    const { host, port } = this.#address;
    const socket = connectReceiver({
      host,
      port,
      tls: this.#options.tls,
      pool: this.#frames,
      responseBytesMax: this.#options.responseBytesMax,
      onConnect,
      onProgress: () => {
        this.#receivedCount++;
      },
      onFrame: (frame, bytes) => this.#receive(frame, bytes),
    });
    // kafkajs listens to `end` and `error`, but a destroyed socket only says `close`; with TLS the cause comes as `error`.
    socket.once('error', (error) => this.drop(error));
    socket.once('close', () => this.drop(new ConnectionClosed()));
    return socket;
  }

  #receive(frame: Buffer, bytes: number): void {
    const connection = this.#connection;
    if (connection.authHandlers !== null) {
      // The SASL exchange of brokers without SaslAuthenticate: raw tokens, which kafkajs takes with their length.
      const token = Buffer.allocUnsafe(4 + bytes);
      token.writeInt32BE(bytes, 0);
      frame.copy(token, 4, 0, bytes);
      connection.authHandlers.onSuccess(token);
      return;
    }
    const correlationId = frame.readInt32BE(0);
    connection.requestQueue.fulfillRequest({ correlationId, payload: frame.subarray(4, bytes), size: bytes });
  }

  #reply(api: Api<never, unknown>, payload: Buffer): RawReply {
    // Receive buffers have memory of their own, so the whole frame is found again from any view of it.
    const frame = Buffer.from(payload.buffer as ArrayBuffer);
    const reader = new WireReader(frame, payload.byteOffset, payload.byteOffset + payload.length);
    if (api.flexible && api.key !== apiVersionsApi.key) reader.skipTags();
    let released = false;
    return {
      reader,
      release: () => {
        if (released) return;
        released = true;
        this.#frames.put(frame);
      },
    };
  }

  /** A half-open connection is only noticed by its silence. Time counts from the last byte, so a slow large answer is fine. */
  #watchSilence(silentMsMax: number, what: string): () => void {
    const { timers } = this.#options.env;
    let cancel = () => {};
    const arm = () => {
      const receivedBefore = this.#receivedCount;
      cancel = timers.after(silentMsMax, () => {
        if (this.#receivedCount !== receivedBefore) arm();
        else this.drop(new RequestTimedOut(what, silentMsMax));
      });
    };
    arm();
    return () => cancel();
  }

  /** Settles with `promise`, when the link breaks, or when the time is up, which breaks it. */
  async #bounded<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
    const { promise: broken, reject } = Promise.withResolvers<never>();
    this.#waiting.add(reject);
    const cancel = this.#options.env.timers.after(ms, () => this.drop(new RequestTimedOut(what, ms)));
    try {
      return await Promise.race([promise, broken]);
    } finally {
      cancel();
      this.#waiting.delete(reject);
    }
  }

  #failure(error: unknown): SluiceError {
    return connectionFailure(error, {
      address: this.#address,
      tls: this.#options.tls !== undefined,
      sasl: this.#options.sasl?.mechanism,
      stage: this.stage,
      credentialsProven: true,
    });
  }
}

function closedError(): SluiceError {
  return new SluiceError('unavailable', 'KAFKA_CLOSED', {
    message: 'Kafka: the connection was closed by this program',
  });
}

function requestHead(api: Api<never, unknown>, correlationId: number, clientId: string, bodyBytes: number): Buffer {
  const writer = new WireWriter(64).i32(0).i16(api.key).i16(api.version).i32(correlationId).string(clientId);
  if (api.flexible) writer.noTags();
  const head = writer.done();
  head.writeInt32BE(head.length - 4 + bodyBytes, 0);
  return head;
}

function decode<Response>(api: Api<never, Response>, address: BrokerAddress, reader: WireReader): Response {
  try {
    return api.decode(reader);
  } catch (error) {
    throw responseMalformed(error, api.name, `${address.host}:${address.port}`);
  }
}

function requireApis(ranges: ReadonlyMap<number, VersionRange>, { host, port }: BrokerAddress): void {
  for (const { name, key, version } of REQUIRED_APIS) {
    const range = ranges.get(key);
    if (range !== undefined && range.min <= version && version <= range.max) continue;
    const has = range === undefined ? 'not at all' : `from v${range.min} to v${range.max}`;
    throw new SluiceError('config', 'KAFKA_BROKER_VERSION', {
      message: `Kafka: ${host}:${port} offers ${name} ${has}, but v${version} is needed`,
      help: 'Sluice works with brokers from version 2.3 on.',
      details: { api: name, needed: version, offered: range },
    });
  }
}

interface Kafkajs {
  Connection: new (options: KafkajsConnectionOptions) => KafkajsConnection;
  logger: unknown;
}

function loadKafkajs(env: Env): Kafkajs {
  const { createLogger, LEVELS } = require('kafkajs/src/loggers');
  return {
    Connection: require('kafkajs/src/network/connection'),
    logger: createLogger({
      level: LEVELS.WARN,
      // What it reports as an error reaches us as an error too, with a place to go.
      logCreator: () => (entry: { namespace: string; log: { message: string } }) =>
        env.log.debug(`kafkajs ${entry.namespace}: ${entry.log.message}`),
    }),
  };
}

/** Checks at start that kafkajs is the one whose insides are known here. Throws `bug` naming what is different. */
export function selfTest(): void {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== KAFKAJS_VERSION) throw unknownInsides(`version ${version} instead of ${KAFKAJS_VERSION}`);
  const expected: [file: string, methods: string[]][] = [
    [
      'network/connection',
      [
        'connect',
        'authenticate',
        'isConnected',
        'isAuthenticated',
        'nextCorrelationId',
        'rejectRequests',
        'setVersions',
        'setSupportAuthenticationProtocol',
      ],
    ],
    ['network/requestQueue', ['push', 'fulfillRequest', 'scheduleCheckPendingRequests', 'destroy']],
  ];
  for (const [file, methods] of expected) {
    const { prototype } = require(`kafkajs/src/${file}`) as { prototype: Record<string, unknown> };
    for (const method of methods) {
      if (typeof prototype[method] !== 'function') throw unknownInsides(`no ${method} in ${file}`);
    }
  }
}

function unknownInsides(what: string): SluiceError {
  return new SluiceError('bug', 'KAFKAJS_INSIDES', {
    message: `the installed kafkajs is not the one that the Kafka connector knows: ${what}`,
    help: `Install exactly kafkajs ${KAFKAJS_VERSION}: Sluice builds on its insides.`,
  });
}
