import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { type Env, SluiceError } from '../../core/spi.ts';

/*
 * The only file that knows the insides of kafkajs, and that uses it at all. Taken from it: one Connection each for sockets,
 * TLS, SASL with re-authentication, and the table of requests in flight. Everything above and below that is ours:
 * its cluster, its consumer, its receive path, its timeouts and its retries are not used. The patches are per instance, so
 * a kafkajs that the user runs in the same process is not changed.
 */

const require = createRequire(import.meta.url);
const KAFKAJS_VERSION = '2.2.4';

/** One connection of kafkajs, as far as it is used. */
export interface KafkajsConnection {
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

interface Kafkajs {
  Connection: new (options: KafkajsConnectionOptions) => KafkajsConnection;
  logger: unknown;
}

/** Loads kafkajs' connection, with its log led into ours. */
export function loadKafkajs(env: Env): Kafkajs {
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
