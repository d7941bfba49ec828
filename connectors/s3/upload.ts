import { assert, type Covers, type Env, type Logger } from '../../core/spi.ts';
import type { NewPart, PartFile, PartFiles } from '../filesink/part-files.ts';
import { Slots } from '../filesink/slots.ts';
import type { Beside } from '../formats/part-encoder.ts';
import type { S3Handle, SentPart } from './handle.ts';
import { Journal } from './journal.ts';
import type { OpenUpload } from './open-upload.ts';
import { Filling, type Gathered, type PartMemory } from './part-memory.ts';
import { PARTS_MAX, partBytesAt } from './part-size.ts';
import type { Retrier } from './retry.ts';
import type { ObjectAttributes, ObjectPlace, S3Api } from './s3-api.ts';
import { ParkedPart, type Spool } from './spool.ts';
import { PIECE_BYTES_MAX, piecesToKeep, type TailPiece, type Tails } from './tails.ts';
import { TOKEN } from './token.ts';

/** Requests of parts at a time, over all files: enough for a fast line, few enough for a slow one. */
const IN_FLIGHT_MAX = 16;
/** S3 takes 2 KB of metadata in all. */
const OFFSETS_CHARS_MAX = 1_800;

/** Offsets in the file by split, from (inclusive) to (exclusive), as in a slot. */
const OFFSETS = 'sluice-offsets';

export interface UploadsOptions {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly attributes: ObjectAttributes;
  readonly partBytes: number;
  readonly api: S3Api;
  readonly retrier: Retrier;
  readonly memory: PartMemory;
  /** Where parts wait that memory is short of; without one their files are closed early. */
  readonly spool?: Spool | undefined;
  /** For files that stay open across checkpoints. */
  readonly tails: Tails;
  readonly env: Pick<Env, 'clock' | 'ids'> & { readonly log: Logger };
  readonly signal: AbortSignal;
}

/** Stages files as multipart uploads, which no reader sees until they are completed. */
export class Uploads implements PartFiles<S3Handle, OpenUpload> {
  readonly #options: UploadsOptions;
  readonly #slots = new Slots(IN_FLIGHT_MAX);
  readonly #open = new Set<Upload>();

  constructor(options: UploadsOptions) {
    this.#options = options;
    if (options.spool !== undefined) options.memory.onShortage = (bytes) => this.#park(bytes);
  }

  onShortage(relieve: (bytes: number) => void): void {
    const { memory, spool } = this.#options;
    if (spool === undefined) memory.onShortage = relieve;
  }

  onCut(): void {
    this.#options.tails.settled.cutBegins();
  }

  async open({ directory, name, covers }: NewPart): Promise<PartFile<S3Handle, OpenUpload>> {
    const { bucket, root } = this.#options;
    const place = { bucket, key: `${root}${directory}/${name}` };
    const upload = new Upload({
      ...this.#options,
      ...{ place, covers, slots: this.#slots },
      onEnd: () => this.#open.delete(upload),
    });
    this.#open.add(upload);
    return upload;
  }

  /** The largest first: few long writes. Of equals the one that was begun first. */
  #park(bytes: number): void {
    let missing = bytes;
    for (const upload of [...this.#open].sort((a, b) => b.gatheredBytes - a.gatheredBytes)) {
      if (missing <= 0) return;
      missing -= upload.park();
    }
  }
}

interface UploadOptions extends UploadsOptions {
  readonly place: ObjectPlace;
  readonly covers: () => Covers;
  readonly slots: Slots;
  readonly onEnd: () => void;
}

/**
 * One file on its way. Nothing is sent before a part is full or the file is closed, so a small file costs one request for
 * the upload, one for its only part and one to complete it.
 */
class Upload implements PartFile<S3Handle, OpenUpload> {
  readonly #options: UploadOptions;
  readonly #token: string;
  /** Ends requests on their way once the file is given up, or the incarnation is over. */
  readonly #over = new AbortController();
  readonly #parts: Promise<SentPart>[] = [];
  #created: Promise<{ uploadId: string; begunAtMs: number }> | undefined;
  #filling: Filling;
  /** What of the same part went to disk before. */
  #parked: ParkedPart | undefined;
  /** What of the same part is durable. */
  #tail: TailPiece[] = [];
  readonly #journal: Journal;
  #bytes = 0;
  #isComplete = false;
  #state: { kind: 'open' } | { kind: 'failed'; why: unknown } | { kind: 'closed' } = { kind: 'open' };

  constructor(options: UploadOptions) {
    this.#options = options;
    this.#token = options.env.ids.hex(16);
    this.#journal = new Journal(options.tails);
    this.#filling = new Filling(partBytesAt(1, options.partBytes));
    if (options.signal.aborted) this.#abort();
    options.signal.addEventListener('abort', this.#abort);
  }

  get gatheredBytes(): number {
    return this.#filling.buffer.length;
  }

  async append(chunks: readonly Buffer[]): Promise<void> {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const filling = await this.#withRoom();
        const copied = chunk.copy(filling.buffer, filling.used, at);
        filling.used += copied;
        at += copied;
        if (filling.used === filling.bytesMax) this.#sendGathered();
      }
      this.#bytes += chunk.length;
    }
  }

  /** Moves what has gathered to disk, and returns how much memory that will free. */
  park(): number {
    const { spool, memory } = this.#options;
    if (spool === undefined || this.#filling.used === 0) return 0;
    const gathered = memory.send(this.#filling);
    this.#parked ??= spool.park(memory);
    this.#parked.add(gathered).catch(this.#fail);
    return gathered.buffer.length;
  }

  async close(): Promise<S3Handle> {
    const { place } = this.#options;
    this.#throwFailure();
    assert(this.#bytes > 0, 'a file holds at least one line');
    this.#isComplete = true;
    if (this.#filling.used > 0 || this.#parked !== undefined) this.#sendGathered();
    const parts = await Promise.all(this.#parts);
    const { uploadId, begunAtMs } = await this.#create();
    this.#end();
    return { ...place, uploadId, token: this.#token, bytes: this.#bytes, begunAtMs, parts };
  }

  async keepBeside(beside: Beside): Promise<void> {
    this.#throwFailure();
    await this.#journal.keep(beside);
  }

  async persist(beside?: Beside): Promise<OpenUpload> {
    const { place } = this.#options;
    this.#throwFailure();
    const tailBytes = this.#tail.reduce((sum, { bytes }) => sum + bytes, 0);
    const [journal] = await Promise.all([
      beside && this.#journal.keep(beside),
      this.#partBytes > tailBytes && this.#addToTail(tailBytes),
    ]);
    const parts = await Promise.all(this.#parts);
    const upload = parts.length === 0 ? undefined : await this.#create();
    this.#throwFailure();
    const kept = journal === undefined ? {} : { journal };
    return { ...place, token: this.#token, upload, parts, tail: [...this.#tail], bytes: this.#bytes, ...kept };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind === 'closed') return;
    this.#end();
    this.#abort();
    this.#options.memory.drop(this.#filling);
    // The file has failed or is given up: what becomes of its parts is nobody's concern, only that their memory is free.
    await Promise.allSettled(this.#parts);
    await this.#parked?.close();
  }

  /** The part being filled, with room for a byte at least. */
  async #withRoom(): Promise<Filling> {
    this.#throwFailure();
    while (this.#filling.used === this.#filling.buffer.length) {
      await this.#options.memory.grow(this.#filling, this.#over.signal);
      this.#throwFailure();
    }
    return this.#filling;
  }

  /** Of the part being filled, in memory or on disk. */
  get #partBytes(): number {
    return (this.#parked?.bytes ?? 0) + this.#filling.used;
  }

  /** Nothing is appended meanwhile, though memory that gets short may move all of it to disk. */
  async #addToTail(tailBytes: number): Promise<void> {
    const { kept, keptBytes } = piecesToKeep(this.#tail, this.#partBytes - tailBytes);
    const pieces: Promise<TailPiece>[] = [];
    for (let from = keptBytes; from < this.#partBytes; from += PIECE_BYTES_MAX) {
      const bytes = Math.min(this.#partBytes - from, PIECE_BYTES_MAX);
      pieces.push(this.#options.tails.put(bytes, (into) => this.#copyTo(into, from)));
    }
    this.#tail = [...kept, ...(await Promise.all(pieces))];
  }

  async #copyTo(into: Buffer, from: number): Promise<void> {
    let copied = 0;
    while (copied < into.length) {
      this.#throwFailure();
      const at = from + copied;
      const onDisk = this.#parked?.bytes ?? 0;
      if (at < onDisk) {
        const rest = into.subarray(copied, copied + Math.min(into.length - copied, onDisk - at));
        await (this.#parked as ParkedPart).copyTo(rest, at);
        copied += rest.length;
      } else copied += this.#filling.buffer.copy(into, copied, at - onDisk, this.#filling.used);
    }
  }

  #sendGathered(): void {
    const { memory, partBytes } = this.#options;
    const number = this.#parts.length + 1;
    this.#tail = [];
    assert(number <= PARTS_MAX, 'a file is closed before it has too many parts');
    // Together with what is on disk it may be more than memory has room for: there it waits until it has.
    if (this.#parked !== undefined) this.park();
    const sent = this.#send(number, this.#parked ?? memory.send(this.#filling));
    this.#parked = undefined;
    this.#parts.push(sent);
    this.#filling = new Filling(partBytesAt(number + 1, partBytes), { fillsSoon: true });
    sent.catch(this.#fail);
  }

  async #send(number: number, gathered: Gathered | ParkedPart): Promise<SentPart> {
    const { slots, api, retrier, memory, place } = this.#options;
    const { signal } = this.#over;
    const { buffer, used } = gathered instanceof ParkedPart ? await gathered.load(signal) : gathered;
    const body = buffer.subarray(0, used);
    let attempts = 0;
    let isAnswered = false;
    try {
      return await slots.run(async () => {
        const { uploadId } = await this.#create();
        const tag = await retrier.run(() => {
          attempts++;
          return api.uploadPart({ ...place, uploadId, number }, body, { signal });
        }, signal);
        isAnswered = true;
        return { ...tag, bytes: used };
      });
    } finally {
      // An attempt that got no answer may still be read from this memory, and must find its own bytes there.
      memory.sent(buffer, { reuse: isAnswered && attempts === 1 });
    }
  }

  /** A lost answer leaves an upload that nobody knows of: an orphan, which the next start aborts. */
  #create(): Promise<{ uploadId: string; begunAtMs: number }> {
    const { api, retrier, place, attributes, env } = this.#options;
    const { signal } = this.#over;
    this.#created ??= retrier
      .run(() => api.createUpload(place, { metadata: this.#metadata(), attributes }, { signal }), signal)
      .then((uploadId) => ({ uploadId, begunAtMs: env.clock.nowMs() }));
    return this.#created;
  }

  #metadata(): Record<string, string> {
    // A file whose first part is full begins before all of its offsets are known.
    const offsets = this.#isComplete ? JSON.stringify(this.#options.covers()) : '';
    const fits = /^[\x20-\x7e]+$/.test(offsets) && offsets.length <= OFFSETS_CHARS_MAX;
    return fits ? { [TOKEN]: this.#token, [OFFSETS]: offsets } : { [TOKEN]: this.#token };
  }

  #end(): void {
    this.#state = { kind: 'closed' };
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#options.onEnd();
  }

  readonly #fail = (why: unknown): void => {
    if (this.#state.kind === 'open') this.#state = { kind: 'failed', why };
  };

  readonly #abort = (): void => this.#over.abort(this.#options.signal.reason);

  #throwFailure(): void {
    if (this.#state.kind === 'failed') throw this.#state.why;
    this.#over.signal.throwIfAborted();
  }
}
