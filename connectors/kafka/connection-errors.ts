import { CERTIFICATE_CODES, SluiceError } from '../../core/spi.ts';
import type { Api } from './api.ts';
import { isTlsRecord, NotKafkaError } from './receiver.ts';
import { WireError, type WireReader } from './wire.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** What requests get that were in flight when we closed. */
export function closedError(): SluiceError {
  return new SluiceError('unavailable', 'KAFKA_CLOSED', {
    message: 'Kafka: the connection was closed by this program',
  });
}

/** How far the making of a connection has come; decides what its failure most likely means. */
export type LinkStage = 'connecting' | 'versions' | 'authenticating' | 'unproven' | 'proven';

/** The other side ended the connection, or the socket was destroyed. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';
  constructor() {
    super('the connection was closed');
  }
}

/** Nothing was heard for too long. */
export class RequestTimedOut extends Error {
  override readonly name = 'RequestTimedOut';
  constructor(what: string, ms: number) {
    super(`no answer to ${what} for ${ms} ms`);
  }
}

export interface ConnectionFacts {
  address: BrokerAddress;
  tls: boolean;
  sasl: string | undefined;
  stage: LinkStage;
  /** The same credentials were accepted before. */
  credentialsProven: boolean;
}

/** Turns what a connection died of into a sentence with a way out. */
export function connectionFailure(error: unknown, facts: ConnectionFacts): SluiceError {
  if (error instanceof SluiceError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const where = `${facts.address.host}:${facts.address.port}`;
  const details = { broker: where, stage: facts.stage };
  const code = (cause as { code?: unknown }).code;

  if (facts.stage === 'authenticating' && !isConnectionLoss(cause)) {
    const kind = facts.credentialsProven ? 'unavailable' : 'config';
    return new SluiceError(kind, 'KAFKA_AUTHENTICATION_FAILED', {
      message: `Kafka: ${where} refused the credentials (SASL ${facts.sasl}): ${cause.message}`,
      help: 'Check source.sasl: mechanism, user name and password, and that the user exists on the broker.',
      details,
      cause,
    });
  }
  if (typeof code === 'string' && CERTIFICATE_CODES.has(code)) {
    return new SluiceError('config', 'KAFKA_CERTIFICATE', {
      message: `Kafka: the certificate of ${where} is not trusted: ${cause.message}`,
      help: 'Give the authority that signed it in source.ssl.ca, and the name it is made for in source.ssl.servername.',
      details,
      cause,
    });
  }
  return new SluiceError('unavailable', 'KAFKA_CONNECTION', {
    message: `Kafka: no connection to ${where}: ${cause.message}`,
    ...withHelp(hintFor(cause, code, facts)),
    details,
    cause,
  });
}

function withHelp(help: string | undefined): { help?: string } {
  return help === undefined ? {} : { help };
}

function hintFor(cause: Error, code: unknown, facts: ConnectionFacts): string | undefined {
  if (cause instanceof NotKafkaError) {
    return isTlsRecord(cause.firstBytes)
      ? 'It speaks TLS: set source.ssl: true.'
      : 'What answers there is not a Kafka listener: check host and port.';
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The name does not resolve: check source.brokers.';
  if (facts.tls && facts.stage === 'connecting' && code !== 'ECONNREFUSED' && code !== 'ETIMEDOUT') {
    return 'The TLS handshake failed: if the listener is a plain one, remove source.ssl.';
  }
  if (facts.stage === 'versions') {
    return facts.tls ? undefined : 'It closed before its first answer, as TLS listeners do: try source.ssl: true.';
  }
  if (facts.stage === 'unproven' && facts.sasl === undefined) {
    return 'It closed before its first answer, as listeners that want SASL do: set source.sasl.';
  }
  return undefined;
}

function isConnectionLoss(cause: Error): boolean {
  if (cause instanceof ConnectionClosed || cause instanceof RequestTimedOut) return true;
  // Node's own errors of sockets, and kafkajs' name for the same.
  return typeof (cause as { errno?: unknown }).errno === 'number' || cause.name.startsWith('KafkaJSConnection');
}

/** Reads an answer; one that is malformed becomes `rejected`. */
export function decodeAnswer<Response>(
  api: Api<never, Response>,
  { host, port }: BrokerAddress,
  reader: WireReader,
): Response {
  try {
    return api.decode(reader);
  } catch (error) {
    throw responseMalformed(error, api.name, `${host}:${port}`);
  }
}

/** An answer that is not what its protocol version says. */
export function responseMalformed(error: unknown, api: string, broker: string): SluiceError {
  if (!(error instanceof WireError)) {
    return error instanceof SluiceError
      ? error
      : new SluiceError('bug', 'KAFKA_DECODE', { message: `decoding ${api} failed`, cause: error });
  }
  return new SluiceError('rejected', 'KAFKA_RESPONSE_MALFORMED', {
    message: `Kafka: the answer of ${broker} to ${api} is malformed: ${error.message}`,
    details: { broker, api },
    cause: error,
  });
}
