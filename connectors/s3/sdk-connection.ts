import type { S3Client } from '@aws-sdk/client-s3';
import { makeClient, type RequestHandler } from './client.ts';
import { CLOCK_SKEW, isS3Error, type S3Action, toS3Error } from './errors.ts';
import { type Environment, proxyFor } from './proxy.ts';
import type { ObjectPlace } from './s3-api.ts';
import type { ConnectionSettings } from './settings.ts';

export interface SdkOptions {
  readonly settings: ConnectionSettings;
  /** Answers requests instead of a network. */
  readonly requestHandler?: RequestHandler | undefined;
  /** Names proxies; without it there is none. */
  readonly environment?: Environment | undefined;
}

/** What is being done, for messages. */
export type Doing = Pick<S3Action, 'doing' | 'permission'>;

/** Sends requests by the SDK, and gives its failures a reason. */
export class SdkConnection {
  readonly #options: SdkOptions;
  #client: S3Client | undefined;
  #sendsChecksums: boolean;

  constructor(options: SdkOptions) {
    this.#options = options;
    this.#sendsChecksums = options.settings.checksums !== 'off';
  }

  get sendsChecksums(): boolean {
    return this.#sendsChecksums;
  }

  async send<T>(
    doing: Doing,
    place: ObjectPlace,
    signal: AbortSignal | undefined,
    call: (client: S3Client, options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    this.#client ??= makeClient(this.#options);
    const client = this.#client;
    const options = signal === undefined ? {} : { abortSignal: signal };
    const toFailure = (error: unknown) => toS3Error(error, this.#action(doing, place));
    try {
      return await call(client, options).catch((error) => {
        // Refused without effect, and the client has learned from the answer what time it is there.
        if (toFailure(error).code === CLOCK_SKEW && signal?.aborted !== true) return call(client, options);
        throw error;
      });
    } catch (error) {
      const failure = toFailure(error);
      // The next client reads keys again: files and tokens may hold new ones by then. Requests on their way with the old one
      // end there, and its idle sockets close by themselves.
      if (isS3Error(failure, 'credentials') && this.#client === client) this.#client = undefined;
      throw failure;
    }
  }

  /** `auto`: a store that refuses a request with a checksum and takes it without gets none from then on. */
  async withChecksum<T>(crc32: string, call: (crc32: string | undefined) => Promise<T>): Promise<T> {
    if (!this.#sendsChecksums) return await call(undefined);
    try {
      return await call(crc32);
    } catch (error) {
      const isRefused =
        isS3Error(error, 'notImplemented') || (isS3Error(error, 'refused') && error.kind === 'rejected');
      if (this.#options.settings.checksums !== 'auto' || !isRefused) throw error;
      const result = await call(undefined).catch(() => {
        // Then the checksum was not what it did not like.
        throw error;
      });
      this.#sendsChecksums = false;
      return result;
    }
  }

  #action(doing: Doing, { bucket, key }: ObjectPlace): S3Action {
    const { settings, environment = {} } = this.#options;
    const { region = 'the default region', endpoint } = settings;
    return { ...doing, bucket, key, region, endpoint, proxy: proxyFor(endpoint, environment) };
  }

  /** An answer that is none. */
  garbled(what: string, doing: Doing, place: ObjectPlace): Error {
    return toS3Error(new Error(what), this.#action(doing, place));
  }
}
