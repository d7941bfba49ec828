import type { Covers, SluiceError, SplitId, StagedHandle } from '../../core/spi.ts';
import type { Place } from './directories/renderer.ts';
import type { PartFile, PartFiles } from './part-files.ts';

/** One gathered write takes at most this much from the queue, so that a slow disk is not handed everything at once. */
const GATHER_BYTES_MAX = 1024 * 1024;
const GATHER_CHUNKS_MAX = 256;

/** Whose memory some bytes are; `release` says that they are written. */
export interface Holder {
  release(): void;
}

/** What gathers records outside of the frames they came in. One per part. */
export interface Gathering {
  /** Memory that is held until `take` or `finish` gives it out. */
  readonly gatheredBytes: number;
  /** What is complete so far, or with `all` everything, in order. */
  take(options: { all: boolean }): Chunk[];
  /** Everything that is left, and what ends the file. */
  finish(): Chunk[];
}

export interface Chunk {
  readonly bytes: Buffer;
  /** Undefined: the bytes are nobody else's. */
  readonly holder: Holder | undefined;
}

export interface OpenPartOptions<H> {
  readonly files: PartFiles<H>;
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

type Intent = { kind: 'fill' } | { kind: 'finish' } | { kind: 'abandon'; why: SluiceError };

/** The open part that a place remembers; undefined when it has been closed since, or was never begun. */
export function openPartOf<H>({ part }: Place): OpenPart<H> | undefined {
  return part instanceof OpenPart && part.isOpen ? (part as OpenPart<H>) : undefined;
}

/** A part on its way to a file: chunks in order on one side, whole writes one after the other on the other side. */
export class OpenPart<H> {
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
  readonly #options: OpenPartOptions<H>;
  readonly #covers = new Map<SplitId, [from: number, to: number]>();
  #lastCover: { split: SplitId; cover: [from: number, to: number] } | undefined;
  readonly #queue: Chunk[] = [];
  /** Given to the part, and of that given to the file. */
  #queuedBytes = 0;
  #appendedBytes = 0;
  #file: PartFile<H> | undefined;
  #intent: Intent = { kind: 'fill' };
  #wake: (() => void) | undefined;

  constructor(options: OpenPartOptions<H>) {
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
    const givenBytes = this.#queuedBytes + (this.gathering?.gatheredBytes ?? 0);
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
    this.#dropQueue();
    this.#wake?.();
  }

  /** After a failure the queue is left to `abandon`, because chunks may still come until the writer hears of it. */
  async #run(): Promise<StagedHandle<H>> {
    const { files, directory, name } = this.#options;
    await using file = await files.open({ directory, name, covers: () => Object.fromEntries(this.#covers) });
    this.#file = file;
    while (await this.#hasMore()) await this.#writeSome(file);
    const payload = await file.close();
    return this.#handle(payload, file.bytes ?? this.#queuedBytes);
  }

  /** Waits for a chunk; false once all of a finished part is written. */
  async #hasMore(): Promise<boolean> {
    for (;;) {
      if (this.#intent.kind === 'abandon') throw this.#intent.why;
      if (this.#queue.length > 0) return true;
      if (this.#intent.kind === 'finish') return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async #writeSome(file: PartFile<H>): Promise<void> {
    let bytes = 0;
    let ranges = 0;
    while (ranges < this.#queue.length && ranges < GATHER_CHUNKS_MAX && bytes < GATHER_BYTES_MAX) {
      bytes += (this.#queue[ranges] as Chunk).bytes.length;
      ranges++;
    }
    const taken = this.#queue.splice(0, ranges);
    try {
      await file.append(taken.map((chunk) => chunk.bytes));
    } finally {
      for (const { holder } of taken) holder?.release();
    }
    this.#appendedBytes += bytes;
    this.#options.onDrained({ bytes, ranges });
  }

  #dropQueue(): void {
    for (const { holder } of this.#queue.splice(0)) holder?.release();
  }

  #handle(payload: H, bytes: number): StagedHandle<H> {
    const covers: Covers = Object.fromEntries(this.#covers);
    return { kind: this.#options.handleKind, phase: 0, covers, records: this.records, bytes, payload };
  }
}
