import type { Covers, Frame, LineRange, SluiceError, SplitId, StagedHandle } from '../../core/spi.ts';
import type { PartFile, PartFiles } from './part-files.ts';

/** One gathered write takes at most this much from the queue, so that a slow disk is not handed everything at once. */
const GATHER_BYTES_MAX = 1024 * 1024;
const GATHER_CHUNKS_MAX = 256;

export interface OpenPartOptions<H> {
  readonly files: PartFiles<H>;
  readonly handleKind: string;
  readonly directory: string;
  readonly name: string;
  /** Called with what each settled write no longer needs; never for what is dropped by `abandon`. */
  readonly onDrained: (drained: { bytes: number; ranges: number }) => void;
}

type Intent = { kind: 'fill' } | { kind: 'finish' } | { kind: 'abandon'; why: SluiceError };

interface QueuedRange {
  readonly bytes: Buffer;
  readonly frame: Frame;
}

/** A part on its way to a file: ranges in order on one side, whole writes one after the other on the other side. */
export class OpenPart<H> {
  bytes = 0;
  records = 0;
  /** Resolves once everything added before `finish` is durable. Rejects with the first failure. */
  readonly staged: Promise<StagedHandle<H>>;
  /** Resolves once nothing of this part is in use any more, however it ended. */
  readonly ended: Promise<void>;
  readonly #options: OpenPartOptions<H>;
  readonly #covers = new Map<SplitId, [from: number, to: number]>();
  readonly #queue: QueuedRange[] = [];
  #file: PartFile<H> | undefined;
  #intent: Intent = { kind: 'fill' };
  #wake: (() => void) | undefined;

  constructor(options: OpenPartOptions<H>) {
    this.#options = options;
    this.staged = this.#run();
    // Whoever asked for `staged` sees the failure; this only says when it is over.
    this.ended = this.staged.then(
      () => {},
      () => {},
    );
  }

  /** Memory that the place holds for this part until it is full or finished. */
  get gatheredBytes(): number {
    return this.#file?.gatheredBytes ?? 0;
  }

  /** Takes a range and holds its frame until the bytes are written. */
  add(range: LineRange, frame: Frame): void {
    frame.retain();
    this.#queue.push({ bytes: range.bytes, frame });
    this.bytes += range.bytes.length;
    this.records += range.records;
    for (const { split, from, to } of range.covers) {
      const cover = this.#covers.get(split);
      if (cover === undefined) this.#covers.set(split, [from, to]);
      else cover[1] = to;
    }
    this.#wake?.();
  }

  /** Nothing more comes: write the rest and make it durable. */
  finish(): void {
    if (this.#intent.kind === 'fill') this.#intent = { kind: 'finish' };
    this.#wake?.();
  }

  /** Stops after the call in hand, for `why`, and lets go of the memory. What is staged stays. */
  abandon(why: SluiceError): void {
    this.#intent = { kind: 'abandon', why };
    this.#dropQueue();
    this.#wake?.();
  }

  /** After a failure the queue is left to `abandon`, because ranges may still come until the writer hears of it. */
  async #run(): Promise<StagedHandle<H>> {
    const { files, directory, name } = this.#options;
    await using file = await files.open({ directory, name, covers: () => Object.fromEntries(this.#covers) });
    this.#file = file;
    while (await this.#hasMore()) await this.#writeSome(file);
    const payload = await file.close();
    return this.#handle(payload);
  }

  /** Waits for a range; false once all of a finished part is written. */
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
      bytes += (this.#queue[ranges] as QueuedRange).bytes.length;
      ranges++;
    }
    const taken = this.#queue.splice(0, ranges);
    try {
      await file.append(taken.map((range) => range.bytes));
    } finally {
      for (const { frame } of taken) frame.release();
    }
    this.#options.onDrained({ bytes, ranges });
  }

  #dropQueue(): void {
    for (const { frame } of this.#queue.splice(0)) frame.release();
  }

  #handle(payload: H): StagedHandle<H> {
    const covers: Covers = Object.fromEntries(this.#covers);
    return { kind: this.#options.handleKind, phase: 0, covers, records: this.records, bytes: this.bytes, payload };
  }
}
