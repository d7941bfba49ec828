import { assert, type Covers, type SluiceError, type SplitId, type StagedHandle } from '../../core/spi.ts';
import type { Beside } from '../formats/part-encoder.ts';
import type { Place } from './directories/renderer.ts';
import type { OpenPartState } from './open-state.ts';
import type { PartFile, PartFiles } from './part-files.ts';

/** One gathered write takes at most this much from the queue, so that a slow disk is not handed everything at once. */
const GATHER_BYTES_MAX = 1024 * 1024;
const GATHER_CHUNKS_MAX = 256;
/** What is kept beside a file does not wait for a cut when it is this much: one request to S3, which is paid for by the piece. */
const BESIDE_BYTES_MAX = 4 * 1024 * 1024;

/** Whose memory some bytes are; `release` says that they are written. */
export interface Holder {
  release(): void;
}

/** What gathers records outside of the frames they came in. One per part. */
export interface Gathering {
  /** Memory that is held until `take`, `takeBeside` or `finish` gives it out. */
  readonly gatheredBytes: number;
  /** Of that, what never reaches the file. */
  readonly besideBytes?: number;
  /** What is complete so far, or with `all` everything, in order. */
  take(options: { all: boolean }): Chunk[];
  /** What has to be kept beside a file that could not end with what is complete. Left out, or undefined, where it could. */
  takeBeside?(): Beside | undefined;
  /** Everything that is left, and what ends the file. */
  finish(): Chunk[];
}

export interface Chunk {
  readonly bytes: Buffer;
  /** Undefined: the bytes are nobody else's. */
  readonly holder: Holder | undefined;
}

export interface OpenPartOptions<H, O = unknown> {
  readonly files: PartFiles<H, O>;
  readonly handleKind: string;
  readonly topic: string;
  readonly directory: string;
  readonly name: string;
  readonly gathering: Gathering | undefined;
  readonly begunAtMs: number;
  /** Called with what is on its way to the file from now on. */
  readonly onQueued: (queued: { bytes: number; ranges: number }) => void;
  /** Called with what each settled write no longer needs; never for what is dropped by `abandon`. */
  readonly onDrained: (drained: { bytes: number; ranges: number }) => void;
}

/** A place in the queue up to which everything is to be made durable while the part stays open. */
interface Mark {
  /** Of what `PartFile.persist` answers. */
  readonly durable: PromiseWithResolvers<unknown>;
  readonly beside: Beside | undefined;
}

/** What is kept beside the file before a cut. */
interface Kept {
  readonly kept: Beside;
}

type Intent = { kind: 'fill' } | { kind: 'finish' } | { kind: 'abandon'; why: SluiceError };

/** The open part that a place remembers; undefined when it has been closed since, or was never begun. */
export function openPartOf<H, O = unknown>({ part }: Place): OpenPart<H, O> | undefined {
  return part instanceof OpenPart && part.isOpen ? (part as OpenPart<H, O>) : undefined;
}

/** A part on its way to a file: chunks in order on one side, whole writes one after the other on the other side. */
export class OpenPart<H, O = unknown> {
  readonly topic: string;
  readonly directory: string;
  /** Where records gather that do not go straight from their frame to the file. */
  readonly gathering: Gathering | undefined;
  records = 0;
  /** A number that grows with every write to any part. */
  touched = 0;
  /** When it was written to last, about; monotonic. */
  touchedAtMs: number;
  readonly begunAtMs: number;
  /** Resolves once everything added before `finish` is durable. Rejects with the first failure. */
  readonly staged: Promise<StagedHandle<H>>;
  /** Resolves once nothing of this part is in use any more, however it ended. */
  readonly ended: Promise<void>;
  /** False once nothing more may be added. */
  isOpen = true;
  readonly #options: OpenPartOptions<H, O>;
  readonly #covers = new Map<SplitId, [from: number, to: number]>();
  #lastCover: { split: SplitId; cover: [from: number, to: number] } | undefined;
  readonly #queue: (Chunk | Mark | Kept)[] = [];
  /** The last answer of `persist`, and how many records it spoke of. */
  #persisted: { readonly records: number; readonly state: Promise<OpenPartState<O>> } | undefined;
  /** Given to the part, and of that given to the file. */
  #queuedBytes = 0;
  #appendedBytes = 0;
  #file: PartFile<H, O> | undefined;
  #intent: Intent = { kind: 'fill' };
  #wake: (() => void) | undefined;

  constructor(options: OpenPartOptions<H, O>) {
    this.#options = options;
    this.topic = options.topic;
    this.directory = options.directory;
    this.gathering = options.gathering;
    this.begunAtMs = this.touchedAtMs = options.begunAtMs;
    this.staged = this.#run();
    // Whoever asked for `staged` sees the failure; this only says when it is over.
    this.ended = this.staged.then(
      () => {},
      () => {},
    );
  }

  /** How large the file will be with everything given so far: exact, or an estimate where what is written is compressed. */
  get bytes(): number {
    const { gatheredBytes = 0, besideBytes = 0 } = this.gathering ?? {};
    const givenBytes = this.#queuedBytes + gatheredBytes - besideBytes;
    const fileBytes = this.#file?.bytes;
    if (fileBytes === undefined || this.#appendedBytes === 0) return givenBytes;
    return Math.round((fileBytes / this.#appendedBytes) * givenBytes);
  }

  /** Memory that is held for this part until it is full or finished. */
  get gatheredBytes(): number {
    return (this.#file?.gatheredBytes ?? 0) + (this.gathering?.gatheredBytes ?? 0);
  }

  /** Takes bytes, to be written in this order; `holder` hears when they are. */
  add(bytes: Buffer, holder: Holder | undefined): void {
    this.#queue.push({ bytes, holder });
    this.#queuedBytes += bytes.length;
    this.#options.onQueued({ bytes: bytes.length, ranges: 1 });
    this.#wake?.();
  }

  /** The part holds these offsets of a split, or some of them. */
  cover(split: SplitId, from: number, to: number): void {
    if (this.#lastCover?.split === split) {
      this.#lastCover.cover[1] = to;
      return;
    }
    let cover = this.#covers.get(split);
    if (cover === undefined) {
      cover = [from, to];
      this.#covers.set(split, cover);
    } else cover[1] = to;
    this.#lastCover = { split, cover };
  }

  /** What has gathered goes on its way: what is complete, or `all` of it. */
  flush(options: { all: boolean }): void {
    for (const { bytes, holder } of this.gathering?.take(options) ?? []) this.add(bytes, holder);
    if ((this.gathering?.besideBytes ?? 0) >= BESIDE_BYTES_MAX) this.flushBeside();
  }

  /** What has gathered to be kept beside the file goes on its way. */
  flushBeside(): void {
    const kept = this.gathering?.takeBeside?.();
    if (kept === undefined) return;
    this.#queue.push({ kept });
    this.#options.onQueued({ bytes: bytesOf(kept), ranges: 1 });
    this.#wake?.();
  }

  /** Makes everything durable that the part was given so far; it stays open. Nothing is done when nothing came since. */
  persist(): Promise<OpenPartState<O>> {
    const { records } = this;
    if (this.#persisted?.records === records) return this.#persisted.state;
    const beside = this.gathering?.takeBeside?.();
    this.flush({ all: beside === undefined });
    this.#options.onQueued({ bytes: bytesOf(beside), ranges: 0 });
    const durable = Promise.withResolvers<unknown>();
    this.#queue.push({ durable, beside });
    this.#wake?.();
    const covers = Object.fromEntries([...this.#covers].map(([split, [from, to]]) => [split, [from, to] as const]));
    const state = durable.promise.then((place) => ({ place: place as O, covers, records }));
    // The part fails of the same, and whoever cuts hears of it first.
    state.catch(() => undefined);
    this.#persisted = { records, state };
    return state;
  }

  /** Nothing more comes: write the rest and make it durable. */
  finish(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const { bytes, holder } of this.gathering?.finish() ?? []) this.add(bytes, holder);
    if (this.#intent.kind === 'fill') this.#intent = { kind: 'finish' };
    this.#wake?.();
  }

  /** Stops after the call in hand, for `why`, and lets go of the memory. What is staged stays. */
  abandon(why: SluiceError): void {
    this.#intent = { kind: 'abandon', why };
    this.#dropQueue(why);
    this.#wake?.();
  }

  /** After a failure the queue is left to `abandon`, because chunks may still come until the writer hears of it. */
  async #run(): Promise<StagedHandle<H>> {
    const { files, directory, name } = this.#options;
    await using file = await files.open({ directory, name, covers: () => Object.fromEntries(this.#covers) });
    this.#file = file;
    for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
      if ('durable' in next) await this.#persist(file, next);
      else if ('kept' in next) await this.#keepBeside(file, next);
      else await this.#writeSome(file);
    }
    const payload = await file.close();
    return this.#handle(payload, file.bytes ?? this.#queuedBytes);
  }

  /** Waits for what is first in the queue; undefined once all of a finished part is written. */
  async #next(): Promise<Chunk | Mark | Kept | undefined> {
    for (;;) {
      if (this.#intent.kind === 'abandon') throw this.#intent.why;
      if (this.#queue.length > 0) return this.#queue[0];
      if (this.#intent.kind === 'finish') return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async #writeSome(file: PartFile<H, O>): Promise<void> {
    const taken: Chunk[] = [];
    let bytes = 0;
    for (const chunk of this.#queue) {
      if (!('bytes' in chunk) || taken.length >= GATHER_CHUNKS_MAX || bytes >= GATHER_BYTES_MAX) break;
      taken.push(chunk);
      bytes += chunk.bytes.length;
    }
    const ranges = taken.length;
    this.#queue.splice(0, ranges);
    try {
      await file.append(taken.map((chunk) => chunk.bytes));
    } finally {
      for (const { holder } of taken) holder?.release();
    }
    this.#appendedBytes += bytes;
    this.#options.onDrained({ bytes, ranges });
  }

  async #persist(file: PartFile<H, O>, mark: Mark): Promise<void> {
    this.#queue.shift();
    try {
      assert(file.persist !== undefined, 'a place without parts that stay open is never asked for them');
      mark.durable.resolve(await file.persist(mark.beside));
    } catch (error) {
      mark.durable.reject(error);
      throw error;
    }
    this.#options.onDrained({ bytes: bytesOf(mark.beside), ranges: 0 });
  }

  async #keepBeside(file: PartFile<H, O>, { kept }: Kept): Promise<void> {
    this.#queue.shift();
    assert(file.keepBeside !== undefined, 'a place without parts that stay open is never asked for them');
    await file.keepBeside(kept);
    this.#options.onDrained({ bytes: bytesOf(kept), ranges: 1 });
  }

  #dropQueue(why: SluiceError): void {
    for (const dropped of this.#queue.splice(0)) {
      if ('durable' in dropped) dropped.durable.reject(why);
      else if ('bytes' in dropped) dropped.holder?.release();
    }
  }

  #handle(payload: H, bytes: number): StagedHandle<H> {
    const covers: Covers = Object.fromEntries(this.#covers);
    return { kind: this.#options.handleKind, phase: 0, covers, records: this.records, bytes, payload };
  }
}

function bytesOf(beside: Beside | undefined): number {
  return beside?.chunks.reduce((sum, { length }) => sum + length, 0) ?? 0;
}
