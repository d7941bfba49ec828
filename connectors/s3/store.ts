import { assert, type CallOptions, type DiagnosisContext, type Finding, type Store } from '../../core/spi.ts';
import { diagnoseStore } from './diagnosis.ts';
import { asStartError, isS3Error } from './errors.ts';
import type { S3Api } from './s3-api.ts';

/** Two that write one key at a time may both be told to come again, with nothing written. */
const CONFLICTS_MAX = 3;
const SEGMENT = /^[a-z0-9_-][a-z0-9._-]*$/;

export interface S3StoreOptions {
  readonly bucket: string;
  /** Without slashes at its ends; empty = the whole bucket. */
  readonly prefix: string;
  readonly api: S3Api;
}

/** Slots as objects, each written by one conditional PUT, which S3 gives to one writer alone. */
export class S3Store implements Store {
  readonly identity: string;
  readonly #bucket: string;
  /** Ends with a slash, unless empty. */
  readonly #root: string;
  readonly #api: S3Api;
  /** What it has done for us, by the permission that it takes. */
  readonly #answered = new Set<keyof Store>();

  constructor({ bucket, prefix, api }: S3StoreOptions) {
    this.#bucket = bucket;
    this.#root = prefix === '' ? '' : `${prefix}/`;
    this.#api = api;
    this.identity = identityOf(bucket, prefix);
  }

  async createIfAbsent(key: string, bytes: Uint8Array, options: CallOptions = {}): Promise<'created' | 'exists'> {
    const place = this.#placeOf(key);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ask('createIfAbsent', () => this.#api.putIfAbsent(place, bytes, options));
      } catch (error) {
        // Said without anything written, so the same bytes may follow at once. All other doubts are the caller's to look up.
        if (!isS3Error(error, 'conflict') || attempt === CONFLICTS_MAX) throw error;
      }
    }
  }

  async get(key: string, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return await this.#ask('get', () => this.#api.get(this.#placeOf(key), options));
  }

  async list(prefix: string, startAfter: string, options: CallOptions = {}): Promise<string[]> {
    const query = {
      bucket: this.#bucket,
      prefix: `${this.#root}${prefix}`,
      startAfter: startAfter === '' ? '' : `${this.#root}${startAfter}`,
    };
    const keys: string[] = [];
    for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
      const page = await this.#ask('list', () => this.#api.listKeys({ ...query, next }, options));
      for (const key of page.items) keys.push(key.slice(this.#root.length));
      next = page.next;
    }
    return keys;
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#ask('delete', () => this.#api.delete(this.#placeOf(key), options));
  }

  diagnose(context: DiagnosisContext): AsyncIterable<Finding> {
    return diagnoseStore({ bucket: this.#bucket, root: this.#root, api: this.#api }, context);
  }

  /** What a store refuses the first time is a mistake in the settings, or of a policy. */
  async #ask<T>(kind: keyof Store, call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call();
      this.#answered.add(kind);
      return answer;
    } catch (error) {
      if (this.#answered.has(kind) || isS3Error(error, 'conflict')) throw error;
      throw asStartError(error);
    }
  }

  #placeOf(key: string) {
    assert(
      key.split('/').every((segment) => SEGMENT.test(segment)),
      `${key} is a key of plain segments`,
    );
    return { bucket: this.#bucket, key: `${this.#root}${key}` };
  }
}

export function identityOf(bucket: string, prefix: string): string {
  return prefix === '' ? `s3:${bucket}` : `s3:${bucket}/${prefix}`;
}
