/** What can be written into a slot and read back the same. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Writes values of one kind into slots and reads them back, for ever.
 * `version` is the one written; `decode` must read every version ever released and throw `config` for a newer one.
 */
export interface VersionedCodec<T> {
  readonly version: number;
  encode(value: T): Json;
  decode(version: number, value: Json): T;
}
