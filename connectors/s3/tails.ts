import { SluiceError } from '../../core/spi.ts';
import { Missing } from '../filesink/open-state.ts';
import type { PartNames } from '../filesink/part-name.ts';
import { Settled } from '../filesink/settled.ts';
import type { Retrier } from './retry.ts';
import type { S3Api } from './s3-api.ts';

/** Readers leave it out, and no pipeline has such a name. */
export const TAILS = '_sluice/_tails/';
const TAIL_EXTENSION = 'tail';
/** Of a piece, and of an object with several: what is copied at a time. */
export const PIECE_BYTES_MAX = 8 * 1024 * 1024;

/** Some bytes of a part that is not full yet, in an object that holds those of several files. */
export interface TailPiece {
  readonly key: string;
  readonly from: number;
  readonly bytes: number;
}

/**
 * The pieces of a tail that stay when so many bytes are added: what is written anew with these are the last ones, as long as they
 * are not twice as large. So each is at least twice as large as the next one, which keeps them few, and every byte is
 * written a few times at most.
 */
export function piecesToKeep(tail: readonly TailPiece[], newBytes: number): { kept: TailPiece[]; keptBytes: number } {
  const kept = [...tail];
  let written = newBytes;
  for (let last = kept.at(-1); last !== undefined; last = kept.at(-1)) {
    if (last.bytes >= 2 * written || last.bytes + written > PIECE_BYTES_MAX) break;
    written += last.bytes;
    kept.pop();
  }
  return { kept, keptBytes: kept.reduce((sum, { bytes }) => sum + bytes, 0) };
}

export interface TailsOptions {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly api: S3Api;
  readonly retrier: Retrier;
  /** Of tails alone. */
  readonly names: PartNames;
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly bytes: number;
  readonly copyTo: (into: Buffer) => Promise<void>;
  readonly done: PromiseWithResolvers<TailPiece>;
}

/**
 * Makes durable, at a checkpoint, what is too little for a part of its upload. One object at a time: those that come while it is
 * on its way go into the next one together.
 */
export class Tails {
  readonly #options: TailsOptions;
  readonly settled: Settled;
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(options: TailsOptions) {
    this.#options = options;
    this.settled = new Settled(options.names);
  }

  /** Resolves once the bytes that `copyTo` gives, when its turn has come, are durable. */
  async put(bytes: number, copyTo: (into: Buffer) => Promise<void>): Promise<TailPiece> {
    const done = Promise.withResolvers<TailPiece>();
    this.#waiting.push({ bytes, copyTo, done });
    if (!this.#isSending) void this.#sendAll();
    return await done.promise;
  }

  async read(piece: TailPiece): Promise<Buffer> {
    return await readPiece(this.#options, piece);
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    // Those that ask in the same turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#send(this.#nextObject());
    this.#isSending = false;
  }

  #nextObject(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && bytes + waiting.bytes > PIECE_BYTES_MAX) break;
      bytes += waiting.bytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(pieces: readonly Waiting[]): Promise<void> {
    try {
      const body = Buffer.allocUnsafe(pieces.reduce((sum, { bytes }) => sum + bytes, 0));
      const starts: number[] = [];
      let from = 0;
      for (const { bytes, copyTo } of pieces) {
        starts.push(from);
        await copyTo(body.subarray(from, from + bytes));
        from += bytes;
      }
      const key = await this.#put(body);
      for (const [i, { bytes, done }] of pieces.entries()) done.resolve({ key, from: starts[i] as number, bytes });
    } catch (error) {
      for (const { done } of pieces) done.reject(error);
    }
  }

  /** Nobody else has this name: what exists under it is what a request has written that got no answer, or was repeated on its way. */
  async #put(body: Buffer): Promise<string> {
    const { bucket, root, api, retrier, names, signal } = this.#options;
    const key = `${root}${TAILS}${names.next(TAIL_EXTENSION)}`;
    const place = { bucket, key };
    const created = await retrier.run(() => api.putIfAbsent(place, body, { signal }), signal);
    if (created === 'created') return key;
    const found = await retrier.run(() => api.get(place, { signal }), signal);
    if (found === undefined || !body.equals(found)) throw nameTaken(bucket, key);
    return key;
  }
}

/** Throws `Missing` when the piece is not there any more. */
export async function readPiece(
  { bucket, api, retrier, signal }: Pick<TailsOptions, 'bucket' | 'api' | 'retrier' | 'signal'>,
  { key, from, bytes }: TailPiece,
): Promise<Buffer> {
  const read = () => api.get({ bucket, key }, { range: { from, bytes }, signal });
  const found = await retrier.run(read, signal);
  if (found?.length === bytes) return Buffer.from(found.buffer, found.byteOffset, found.length);
  throw new Missing(`its last bytes in ${key}: that ${found === undefined ? 'is gone' : 'is shorter than it was'}`);
}

/** Epochs are never given twice, so this means that the checkpoints of this run were copied or taken back to an older state. */
function nameTaken(bucket: string, key: string): SluiceError {
  return new SluiceError('rejected', 'S3_TAIL_NAME_TAKEN', {
    message: `s3:${bucket}/${key} exists already, although no other run can have had this name`,
    help: 'Were the checkpoints copied or restored while another run used them? Make sure that only one of them is left.',
    details: { bucket, key },
  });
}
