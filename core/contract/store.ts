import type { Diagnose } from './diagnosis.ts';

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Where slots live: immutable objects, four verbs, nothing is ever overwritten.
 *
 * Keys are relative paths of `[a-z0-9._-]` segments joined by `/`. Any verb may throw `unavailable`, and then nothing
 * is known: the request may have taken effect, or may still. The caller looks it up; a store never retries a create itself.
 */
export interface Store {
  /** Names this store in messages and in the output marker, for example `file:/data/_sluice`. */
  readonly identity: string;
  /** Writes `bytes` durably and whole under `key`, unless the key exists. Atomic: of many callers exactly one gets `created`. */
  createIfAbsent(key: string, bytes: Uint8Array, options?: CallOptions): Promise<'created' | 'exists'>;
  /** The bytes of `key`, or undefined when it does not exist. */
  get(key: string, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** Every key that starts with `prefix` and sorts after `startAfter`, in byte order. Sees every create that has returned. */
  list(prefix: string, startAfter: string, options?: CallOptions): Promise<string[]>;
  /** Removes `key`; a key that does not exist is fine. */
  delete(key: string, options?: CallOptions): Promise<void>;
  /** Asked before the four verbs are put to the proof, which everybody does alike. */
  readonly diagnose?: Diagnose;
}
