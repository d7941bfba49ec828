import { SluiceError } from '../../core/spi.ts';
import { type RecordPlace, rejectedRecord } from '../formats/record-problem.ts';
import type { RegisteredSchema, RegistryClient } from './client.ts';
import { orAborted } from './or-aborted.ts';
import { schemaIdOf } from './wire-format.ts';

export type Decoded =
  /** As `parseExactly` of formats makes it of JSON, in memory of its own. */
  | { readonly kind: 'value'; readonly value: unknown }
  /** What it needs is being fetched: ask again after `ready`. */
  | { readonly kind: 'notYet' };

/** Makes values of the bytes of records. */
export interface ValueDecoder {
  /** Never waits. `at` is for messages. Throws `rejected` naming topic, partition and offset. */
  decode(bytes: Buffer, at: RecordPlace): Decoded;
  /**
   * Resolves when everything that `decode` asked for is there. Rejects with the reason why something cannot be had, after which
   * `decode` asks for it anew, or with the reason of `signal`.
   */
  ready(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Reads a value with its prefix. Throws `rejected` at `at`. */
export type ReadBySchema = (bytes: Buffer, at: RecordPlace) => unknown;

export interface RegistryDecoderParts {
  readonly client: Pick<RegistryClient, 'known' | 'schema'>;
  /** Throws `rejected` at `at` for a schema that it cannot read values of. */
  readonly compile: (schema: RegisteredSchema, at: RecordPlace) => ReadBySchema;
}

/** Of as many schemas as a client keeps. */
const READERS_MAX = 1_000;
const NOT_YET: Decoded = { kind: 'notYet' };

/** Decodes by the schema that each value names, fetched when it is first seen. */
export class RegistryDecoder implements ValueDecoder {
  readonly #parts: RegistryDecoderParts;
  readonly #readers = new Map<number, ReadBySchema>();
  readonly #coming = new Map<number, Promise<void>>();
  /** Of `#coming`, and not told yet. */
  readonly #failed = new Set<number>();
  /** Values in a row are mostly of one schema. */
  #last: { readonly id: number; readonly read: ReadBySchema } | undefined;

  constructor(parts: RegistryDecoderParts) {
    this.#parts = parts;
  }

  decode(bytes: Buffer, at: RecordPlace): Decoded {
    const id = schemaIdOf(bytes, at);
    const read = this.#last?.id === id ? this.#last.read : this.#readerOf(id, at);
    return read === undefined ? NOT_YET : { kind: 'value', value: read(bytes, at) };
  }

  async ready({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    try {
      await orAborted(Promise.all(this.#coming.values()), signal);
    } catch (error) {
      if (!signal.aborted) this.#forgetFailed();
      throw error;
    }
  }

  #readerOf(id: number, at: RecordPlace): ReadBySchema | undefined {
    const read = this.#readers.get(id) ?? this.#compile(id, at);
    if (read !== undefined) this.#last = { id, read };
    return read;
  }

  #compile(id: number, at: RecordPlace): ReadBySchema | undefined {
    const schema = this.#parts.client.known(id);
    if (schema === undefined) {
      this.#want(id, at);
      return undefined;
    }
    const read = this.#parts.compile(schema, at);
    const [first] = this.#readers.keys();
    if (this.#readers.size >= READERS_MAX) this.#readers.delete(first as number);
    this.#readers.set(id, read);
    return read;
  }

  #want(id: number, { topic, partition, offset }: RecordPlace): void {
    if (this.#coming.has(id)) return;
    const coming = this.#parts.client.schema(id).then(
      () => {
        this.#coming.delete(id);
      },
      (error) => {
        this.#failed.add(id);
        throw withPlace(error, { topic, partition, offset });
      },
    );
    coming.catch(() => {}); // `ready` tells
    this.#coming.set(id, coming);
  }

  #forgetFailed(): void {
    for (const id of this.#failed) this.#coming.delete(id);
    this.#failed.clear();
  }
}

/** What a registry refuses is mostly the fault of a record, so that it is named. */
function withPlace(error: unknown, at: RecordPlace): unknown {
  if (!(error instanceof SluiceError) || error.kind !== 'rejected') return error;
  const { code, message, help = '', details } = error;
  return rejectedRecord(at, code, {
    what: `names a schema that cannot be had: ${message}`,
    help,
    details,
    cause: error,
  });
}
