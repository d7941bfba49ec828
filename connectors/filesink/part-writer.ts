import {
  type Frame,
  type LineFormat,
  type LineLimits,
  LinePacker,
  type Owner,
  type SinkWriter,
  SluiceError,
  type Staged,
  toSluiceError,
} from '../../core/spi.ts';
import { encodeDirectoryName } from './directory-name.ts';
import { OpenPart } from './open-part.ts';
import type { PartFiles } from './part-files.ts';
import { formatPartName } from './part-name.ts';
import type { Roll } from './settings.ts';

const IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024;

/** How much a writer takes before it waits for its files. */
export interface WriterLimits {
  /** Large enough to make a write cheap, small enough that several parts share the disk fairly. */
  readonly rangeBytesMax: number;
  /** Bounds the frames held by topics with a few bytes each. */
  readonly inFlightRangesMax: number;
}

const LIMITS: WriterLimits = { rangeBytesMax: 512 * 1024, inFlightRangesMax: 4096 };

export interface PartWriterOptions<H> {
  readonly owner: Owner & { readonly epoch: number };
  readonly files: PartFiles<H>;
  /** The `kind` of every handle. */
  readonly handleKind: string;
  readonly line: LineFormat;
  readonly extension: string;
  readonly roll: Roll;
  /** One part more closes the least recently written one early. */
  readonly openPartsMax: number;
  /** 512 KiB and 4096 unless told; small ones make a writer take frames piece by piece. */
  readonly limits?: WriterLimits | undefined;
}

/**
 * The writer of every file-like sink: one open part per topic, rolled by size and at every cut. Bytes go straight from the
 * frame to the file; a cut hands its parts over to be made durable while the next ones fill.
 */
export class PartWriter<H> implements SinkWriter<H> {
  readonly #options: PartWriterOptions<H>;
  readonly #limits: WriterLimits;
  readonly #packer: LinePacker;
  /** By group, least recently written first. */
  readonly #open = new Map<string, OpenPart<H>>();
  /** Rolled since the last cut: their handles go with the next one. */
  #rolled: OpenPart<H>[] = [];
  /** Every part that still uses memory or a file. */
  readonly #alive = new Set<OpenPart<H>>();
  readonly #inFlight = { bytes: 0, ranges: 0 };
  #counter = 0;
  #failure: SluiceError | undefined;
  #wakeReady: (() => void)[] = [];

  constructor(options: PartWriterOptions<H>) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#packer = new LinePacker(options.line);
    options.files.onShortage?.((bytes) => this.#relieve(bytes));
  }

  write(frame: Frame, from: number): number {
    this.#throwFailure();
    let taken = from;
    while (taken < frame.count && !this.#isFull()) {
      const range = this.#pack(frame, taken);
      taken = range.taken;
      // Nothing but skipped nulls: they need no file, the position alone says that they are done.
      if (range.records === 0) continue;
      const part = this.#partFor(range.group);
      part.add(range, frame);
      this.#inFlight.bytes += range.bytes.length;
      this.#inFlight.ranges++;
      const { bytes, records } = this.#options.roll;
      if (part.bytes >= bytes || part.records >= records) this.#rollPart(range.group, part);
    }
    return taken;
  }

  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    for (;;) {
      this.#throwFailure();
      signal.throwIfAborted();
      if (!this.#isFull()) return;
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          resolve();
        };
        signal.addEventListener('abort', wake);
        this.#wakeReady.push(wake);
      });
    }
  }

  async cut(): Promise<Staged<H>> {
    // Everything up to the first await happens in the caller's turn: that is what makes the cut exact.
    this.#throwFailure();
    for (const [group, part] of this.#open) this.#rollPart(group, part);
    const parts = this.#rolled;
    this.#rolled = [];
    const handles = await Promise.all(parts.map((part) => part.staged));
    return { handles };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new SluiceError('bug', 'WRITER_CLOSED', { message: 'this writer is closed' }));
    await Promise.all([...this.#alive].map((part) => part.ended));
  }

  #pack(frame: Frame, from: number) {
    try {
      return this.#packer.pack(frame, from, this.#limitsFor);
    } catch (error) {
      // Packing has moved bytes of this frame already, so it must not be tried a second time.
      this.#fail(toSluiceError(error));
      throw error;
    }
  }

  readonly #limitsFor = (group: string): LineLimits => {
    const { bytes, records } = this.#options.roll;
    const part = this.#open.get(group);
    return {
      bytesMax: Math.min(this.#limits.rangeBytesMax, bytes - (part?.bytes ?? 0)),
      recordsMax: records - (part?.records ?? 0),
    };
  };

  #partFor(group: string): OpenPart<H> {
    const existing = this.#open.get(group);
    const part = existing ?? this.#begin(group);
    this.#open.delete(group);
    this.#open.set(group, part);
    if (this.#open.size > this.#options.openPartsMax) {
      const [oldestGroup, oldest] = this.#open.entries().next().value as [string, OpenPart<H>];
      this.#rollPart(oldestGroup, oldest);
    }
    return part;
  }

  #begin(group: string): OpenPart<H> {
    const { owner, extension, files, handleKind } = this.#options;
    const part = new OpenPart<H>({
      files,
      handleKind,
      directory: encodeDirectoryName(group),
      name: formatPartName({
        pipeline: owner.pipeline,
        lineage: owner.lineage,
        layout: owner.layout,
        shard: owner.shard,
        epoch: owner.epoch,
        counter: this.#counter++,
        extension,
      }),
      onDrained: this.#drained,
    });
    this.#alive.add(part);
    part.staged.catch((error) => this.#fail(toSluiceError(error)));
    void part.ended.then(() => this.#alive.delete(part));
    return part;
  }

  #rollPart(group: string, part: OpenPart<H>): void {
    this.#open.delete(group);
    part.finish();
    this.#rolled.push(part);
  }

  /** Closes the parts early that hold most memory; those that are closing already count first. */
  #relieve(bytes: number): void {
    let missing = bytes;
    const open = new Set(this.#open.values());
    for (const part of this.#alive) if (!open.has(part)) missing -= part.gatheredBytes;
    const largestFirst = [...this.#open].sort(([, a], [, b]) => b.gatheredBytes - a.gatheredBytes);
    for (const [group, part] of largestFirst) {
      if (missing <= 0 || part.gatheredBytes === 0) return;
      missing -= part.gatheredBytes;
      this.#rollPart(group, part);
    }
  }

  readonly #drained = ({ bytes, ranges }: { bytes: number; ranges: number }): void => {
    this.#inFlight.bytes -= bytes;
    this.#inFlight.ranges -= ranges;
    if (!this.#isFull()) this.#wake();
  };

  #isFull(): boolean {
    return this.#inFlight.bytes >= IN_FLIGHT_BYTES_MAX || this.#inFlight.ranges >= this.#limits.inFlightRangesMax;
  }

  #wake(): void {
    for (const wake of this.#wakeReady.splice(0)) wake();
  }

  /** The first failure is the one everybody sees; no part goes on after it, and nothing staged is touched. */
  #fail(failure: SluiceError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    for (const part of this.#alive) part.abandon(failure);
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
