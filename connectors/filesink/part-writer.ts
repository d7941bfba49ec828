import {
  type Barrier,
  type Env,
  type Frame,
  type SinkWriter,
  SluiceError,
  type Staged,
  toSluiceError,
} from '../../core/spi.ts';
import type { Place } from './directories/renderer.ts';
import type { Lane, Parts } from './lanes/lane.ts';
import { type Gathering, OpenPart, openPartOf } from './open-part.ts';
import type { OpenPartState } from './open-state.ts';
import type { PartFiles } from './part-files.ts';
import type { PartNames } from './part-name.ts';
import { RollClock } from './roll-clock.ts';
import type { Roll } from './settings.ts';

const IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024;
/** Bounds the frames held by topics with a few bytes each. */
export const IN_FLIGHT_RANGES_MAX = 4096;

export interface PartWriterOptions<H, O> {
  readonly names: PartNames;
  readonly files: PartFiles<H, O>;
  /** The `kind` of every handle. */
  readonly handleKind: string;
  readonly extension: string;
  readonly roll: Roll;
  readonly env: Pick<Env, 'clock' | 'timers'>;
  /** One part more closes the least recently written one early. */
  readonly openPartsMax: number;
  readonly inFlightRangesMax: number;
  /** Makes the way of records to these parts. */
  laneFor(parts: Parts<H>): Lane;
  /** Where the records of a new part gather; undefined when they go straight from their frames to the file. */
  newGathering?: (() => Gathering) | undefined;
  /** Called when parts were closed outside of a cut that stay open across checkpoints: no cut may be due. */
  readonly onClosedEarly?: (() => void) | undefined;
  /** Called once nothing of this writer uses memory any more. */
  onClosed?: (() => void) | undefined;
}

/**
 * The writer of every file-like sink: one open part per topic and directory, rolled by size and, unless it stays open, at every
 * cut. A cut hands the parts that it closes over to be made durable while the next ones fill.
 */
export class PartWriter<H, O = unknown> implements SinkWriter<H, OpenPartState<O>>, Parts<H> {
  readonly #options: PartWriterOptions<H, O>;
  readonly #lane: Lane;
  readonly #rollClock: RollClock<OpenPart<H, O>>;
  /** When `write` was called last; monotonic. */
  #nowMs = 0;
  /** By topic, then by directory. */
  readonly #open = new Map<string, Map<string, OpenPart<H, O>>>();
  #openCount = 0;
  /** Rolled since the last cut: their handles go with the next one. */
  #rolled: OpenPart<H, O>[] = [];
  /** Every part that still uses memory or a file. */
  readonly #alive = new Set<OpenPart<H, O>>();
  readonly #inFlight = { bytes: 0, ranges: 0 };
  #touches = 0;
  #failure: SluiceError | undefined;
  #wakeReady: (() => void)[] = [];

  constructor(options: PartWriterOptions<H, O>) {
    this.#options = options;
    this.#lane = options.laneFor(this);
    const { roll, env } = options;
    const openParts = () => this.#openParts();
    this.#rollClock = new RollClock({ roll, env, openParts, close: (part) => this.#closeEarly(part) });
    options.files.onShortage?.((bytes) => this.#relieve(bytes));
  }

  write(frame: Frame, from: number): number {
    this.#throwFailure();
    this.#nowMs = this.#options.env.clock.monotonicMs();
    try {
      return this.#lane.write(frame, from);
    } catch (error) {
      // Records of this frame may be packed or gathered already, so it must not be tried a second time.
      this.#fail(toSluiceError(error));
      throw error;
    }
  }

  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    for (;;) {
      this.#throwFailure();
      signal.throwIfAborted();
      if (!this.isFull) return;
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

  async cut({ last }: Pick<Barrier, 'last'>): Promise<Staged<H, OpenPartState<O>>> {
    // Everything up to the first await happens in the caller's turn: that is what makes the cut exact.
    this.#throwFailure();
    this.#options.files.onCut?.();
    const stayOpen = !last && !this.#options.roll.onCheckpoint;
    const open = [...this.#openParts()];
    if (!stayOpen) for (const part of open) this.#rollPart(part);
    const persisted = stayOpen ? open.map((part) => part.persist()) : [];
    const staged = this.#rolled.map((part) => part.staged);
    this.#rolled = [];
    this.#throwFailure();
    const [handles, states] = await Promise.all([Promise.all(staged), Promise.all(persisted)]);
    return { handles, open: states };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new SluiceError('bug', 'WRITER_CLOSED', { message: 'this writer is closed' }));
    await Promise.all([...this.#alive].map((part) => part.ended));
    this.#options.onClosed?.();
  }

  get isFull(): boolean {
    const { bytes, ranges } = this.#inFlight;
    return bytes >= IN_FLIGHT_BYTES_MAX || ranges >= this.#options.inFlightRangesMax;
  }

  partFor(topic: string, place: Place): OpenPart<H, O> {
    const part = openPartOf<H, O>(place) ?? this.#partAt(topic, place);
    part.touched = ++this.#touches;
    part.touchedAtMs = this.#nowMs;
    if (this.#openCount > this.#options.openPartsMax) this.#closeEarly(this.#leastRecentlyWritten());
    return part;
  }

  rollIfFull(part: OpenPart<H>): boolean {
    const { bytes, records } = this.#options.roll;
    if (part.records < records && part.bytes < bytes) return false;
    this.#closeEarly(part as OpenPart<H, O>);
    return true;
  }

  flushLargest(bytes: number): void {
    let missing = bytes;
    const beside = (part: OpenPart<H, O>) => part.gathering?.besideBytes ?? 0;
    for (const part of [...this.#openParts()].sort((a, b) => beside(b) - beside(a))) {
      if (missing <= 0 || beside(part) === 0) break;
      missing -= beside(part);
      part.flushBeside();
    }
    const gathered = (part: OpenPart<H, O>) => part.gathering?.gatheredBytes ?? 0;
    for (const part of [...this.#openParts()].sort((a, b) => gathered(b) - gathered(a))) {
      if (missing <= 0) return;
      missing -= gathered(part);
      part.flush({ all: true });
    }
  }

  /** A place that was forgotten since may have an open part. */
  #partAt(topic: string, place: Place): OpenPart<H, O> {
    const part = this.#open.get(topic)?.get(place.directory) ?? this.#begin(topic, place.directory);
    place.part = part;
    return part;
  }

  #begin(topic: string, directory: string): OpenPart<H, O> {
    const { names, extension, files, handleKind, newGathering } = this.#options;
    const part = new OpenPart<H, O>({
      files,
      handleKind,
      topic,
      directory,
      name: names.next(extension),
      gathering: newGathering?.(),
      begunAtMs: this.#nowMs,
      onQueued: this.#queued,
      onDrained: this.#drained,
    });
    const ofTopic = this.#open.get(topic) ?? new Map<string, OpenPart<H, O>>();
    this.#open.set(topic, ofTopic);
    ofTopic.set(directory, part);
    this.#openCount++;
    this.#alive.add(part);
    part.staged.catch((error) => this.#fail(toSluiceError(error)));
    void part.ended.then(() => this.#alive.delete(part));
    this.#rollClock.watch(part);
    return part;
  }

  #closeEarly(part: OpenPart<H, O>): void {
    this.#rollPart(part);
    if (!this.#options.roll.onCheckpoint) this.#options.onClosedEarly?.();
  }

  #rollPart(part: OpenPart<H, O>): void {
    const ofTopic = this.#open.get(part.topic);
    ofTopic?.delete(part.directory);
    if (ofTopic?.size === 0) this.#open.delete(part.topic);
    this.#openCount--;
    this.#rolled.push(part);
    try {
      part.finish();
    } catch (error) {
      this.#fail(toSluiceError(error));
    }
  }

  *#openParts(): Iterable<OpenPart<H, O>> {
    for (const ofTopic of this.#open.values()) yield* ofTopic.values();
  }

  #leastRecentlyWritten(): OpenPart<H, O> {
    let least: OpenPart<H, O> | undefined;
    for (const part of this.#openParts()) if (least === undefined || part.touched < least.touched) least = part;
    return least as OpenPart<H, O>;
  }

  /** Closes the parts early that hold most memory; those that are closing already count first. */
  #relieve(bytes: number): void {
    let missing = bytes;
    const open = new Set(this.#openParts());
    for (const part of this.#alive) if (!open.has(part)) missing -= part.gatheredBytes;
    const largestFirst = [...open].sort((a, b) => b.gatheredBytes - a.gatheredBytes);
    for (const part of largestFirst) {
      if (missing <= 0 || part.gatheredBytes === 0) return;
      missing -= part.gatheredBytes;
      this.#closeEarly(part);
    }
  }

  readonly #queued = ({ bytes, ranges }: { bytes: number; ranges: number }): void => {
    this.#inFlight.bytes += bytes;
    this.#inFlight.ranges += ranges;
  };

  readonly #drained = ({ bytes, ranges }: { bytes: number; ranges: number }): void => {
    this.#inFlight.bytes -= bytes;
    this.#inFlight.ranges -= ranges;
    if (!this.isFull) this.#wake();
  };

  #wake(): void {
    for (const wake of this.#wakeReady.splice(0)) wake();
  }

  /** The first failure is the one everybody sees; no part goes on after it, and nothing staged is touched. */
  #fail(failure: SluiceError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#rollClock.stop();
    for (const part of this.#alive) part.abandon(failure);
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
