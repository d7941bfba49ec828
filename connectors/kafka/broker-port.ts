import type { Env } from '../../core/spi.ts';
import type { Api } from './api.ts';
import type { BrokerAddress } from './connection-errors.ts';
import type { VersionRange } from './version-request.ts';
import type { WireReader } from './wire.ts';

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

/** The way to brokers by address. Every call throws `unavailable` when the connection fails; nothing is retried. */
export interface BrokerPort {
  /** Sends one request and reads its answer. */
  call<Request, Response>(
    address: BrokerAddress,
    api: Api<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response>;
  /** As `call`, for answers whose bytes are used in place. The receive buffer has memory of its own. */
  callRaw<Request>(
    address: BrokerAddress,
    api: Api<Request, unknown>,
    request: Request,
    options: CallOptions,
  ): Promise<RawReply>;
  /** The version ranges of a broker. */
  versions(address: BrokerAddress): Promise<ReadonlyMap<number, VersionRange>>;
  /** Ends everything at once, also what waits for an answer. */
  close(): void;
}

/** Makes the way to the brokers for one session. */
export type Connect = (context: { env: Env }) => BrokerPort | Promise<BrokerPort>;
