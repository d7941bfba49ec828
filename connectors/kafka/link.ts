import type { Socket } from 'node:net';
import type tls from 'node:tls';
import { type Env, SluiceError } from '../../core/spi.ts';
import type { Api } from './api.ts';
import type { RawReply } from './broker-port.ts';
import {
  type BrokerAddress,
  ConnectionClosed,
  closedError,
  connectionFailure,
  decodeAnswer,
  type LinkStage,
  RequestTimedOut,
} from './connection-errors.ts';
import { nameOf } from './errors.ts';
import type { FramePool } from './frame-pool.ts';
import { type KafkajsConnection, loadKafkajs } from './kafkajs.ts';
import { connectReceiver } from './receiver.ts';
import { REQUIRED_APIS } from './required-apis.ts';
import { apiVersionsApi, apiVersionsApiV0, type VersionRange } from './version-request.ts';
import { WireReader, WireWriter } from './wire.ts';

const SASL_AUTHENTICATE = 36;
/** Longer for nothing but SASL, whose server may ask a directory. */
const AUTHENTICATION_TIMEOUT_MS = 10_000;
/** Renews a SASL session this long before it ends. */
const REAUTHENTICATION_THRESHOLD_MS = 10_000;

/** SASL as the transport takes it; the mechanism names are those of kafkajs. */
export type SaslCredentials =
  | { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
  | { mechanism: 'oauthbearer'; oauthBearerProvider: () => Promise<{ value: string }> };

export interface LinkOptions {
  env: Env;
  clientId: string;
  tls: tls.ConnectionOptions | undefined;
  sasl: SaslCredentials | undefined;
  connectTimeoutMs: number;
  /** Without a single byte on the connection for this long, a request has failed. */
  requestTimeoutMs: number;
  /** A longer response is not Kafka's. */
  responseBytesMax: number;
}

/** One connection, used until it breaks and never again. */
export class Link {
  readonly #address: BrokerAddress;
  readonly #options: LinkOptions;
  readonly #frames: FramePool;
  readonly #connection: KafkajsConnection;
  readonly #onClosed: () => void;
  /** Those who wait for something that is not a request. */
  readonly #waiting = new Set<(error: Error) => void>();
  #receivedCount = 0;
  #dropped: Error | undefined;
  stage: LinkStage = 'connecting';
  versions: ReadonlyMap<number, VersionRange> = new Map();

  constructor(address: BrokerAddress, options: LinkOptions, frames: FramePool, onClosed: () => void) {
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
    // Brokers refuse versions with other characters.
    const clientVersion = this.#options.env.self.version.replace(/[^a-zA-Z0-9.-]/g, '-');
    for (const api of [apiVersionsApi, apiVersionsApiV0]) {
      const reply = await this.send(api, api.encode({ clientVersion }), this.#options.requestTimeoutMs);
      const { errorCode, ranges } = decodeAnswer(api, this.#address, reply.reader);
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
    // Before kafkajs hears of it, which takes a connection lost while authenticating for wrong credentials, and also on
    // `close`, which is all that a destroyed socket says.
    socket.once('error', (error) => this.drop(error));
    socket.once('end', () => this.drop(new ConnectionClosed()));
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

function requestHead(api: Api<never, unknown>, correlationId: number, clientId: string, bodyBytes: number): Buffer {
  const writer = new WireWriter(64).i32(0).i16(api.key).i16(api.version).i32(correlationId).string(clientId);
  if (api.flexible) writer.noTags();
  const head = writer.done();
  head.writeInt32BE(head.length - 4 + bodyBytes, 0);
  return head;
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
