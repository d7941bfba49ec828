import { assert, SluiceError } from '../../../core/spi.ts';
import type { PartFile } from '../part-files.ts';
import type { Slots } from '../slots.ts';
import { type ChunkMemory, Filling, type Gathered } from './chunk-memory.ts';
import type { Compressor } from './compressor.ts';
import { Sizes } from './sizes.ts';

export interface CompressedPartOptions<H, O> {
  readonly file: PartFile<H, O>;
  readonly compressor: Compressor;
  readonly chunkBytes: number;
  readonly memory: ChunkMemory;
  readonly slots: Slots;
  /** Of all parts, for the estimates of those that have made nothing yet. */
  readonly sizesOfAll: Sizes;
  readonly onEnd: () => void;
}

/** One file of members or frames. A part that fits into one chunk is compressed by one call, when it is closed. */
export class CompressedPart<H, O> implements PartFile<H, O> {
  readonly #options: CompressedPartOptions<H, O>;
  readonly #filling = new Filling();
  readonly #sizes = new Sizes();
  /** Given and not compressed yet. */
  #rawBytes = 0;
  /** Resolves once everything on its way has landed or was given up. Never rejects. */
  #landed: Promise<void> = Promise.resolve();
  #state: { kind: 'open' } | { kind: 'failed'; why: unknown } | { kind: 'closed' } = { kind: 'open' };

  constructor(options: CompressedPartOptions<H, O>) {
    this.#options = options;
  }

  get fillingBytes(): number {
    return this.#filling.buffer.length;
  }

  get gatheredBytes(): number {
    return this.fillingBytes + (this.#options.file.gatheredBytes ?? 0);
  }

  get bytes(): number {
    const ratio = this.#sizes.ratio ?? this.#options.sizesOfAll.ratio ?? 1;
    return this.#sizes.made + Math.ceil(this.#rawBytes * ratio);
  }

  async append(chunks: readonly Buffer[]): Promise<void> {
    const { memory, chunkBytes } = this.#options;
    const filling = this.#filling;
    this.#throwFailure();
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        while (filling.used === filling.buffer.length) {
          await memory.grow(filling);
          this.#throwFailure();
        }
        const copied = chunk.copy(filling.buffer, filling.used, at);
        filling.used += copied;
        this.#rawBytes += copied;
        at += copied;
        if (filling.used === chunkBytes) {
          await this.#send();
          filling.fillsSoon = true;
        }
      }
    }
  }

  async close(): Promise<H> {
    await this.#landAll();
    assert(this.#sizes.made > 0, 'a file holds at least one line');
    const handle = await this.#options.file.close();
    this.#end();
    return handle;
  }

  async persist(): Promise<O> {
    const { file } = this.#options;
    assert(file.persist !== undefined, 'a place without parts that stay open is never asked for them');
    await this.#landAll();
    return await file.persist();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    this.#options.memory.drop(this.#filling);
    await this.#landed;
    await this.#options.file[Symbol.asyncDispose]();
  }

  /** Puts what has gathered on its way, full or not, and returns how much memory that will free. */
  sendNow(): number {
    if (this.#filling.used === 0) return 0;
    const gathered = this.#options.memory.sendNow(this.#filling);
    this.#process(gathered);
    return gathered.buffer.length;
  }

  /** The member or frame in hand ends here, and all of it is given to the file. */
  async #landAll(): Promise<void> {
    this.#throwFailure();
    if (this.#filling.used > 0) await this.#send();
    await this.#landed;
    this.#throwFailure();
  }

  async #send(): Promise<void> {
    const gathered = await this.#options.memory.send(this.#filling);
    if (gathered !== undefined) this.#process(gathered);
    this.#throwFailure();
  }

  #process(gathered: Gathered): void {
    this.#landed = this.#land(this.#landed, this.#compress(gathered));
  }

  /** Undefined when the part has failed or was given up. */
  async #compress({ buffer, used }: Gathered): Promise<Buffer | undefined> {
    const { memory, slots, compressor, sizesOfAll } = this.#options;
    let output: Buffer | undefined;
    try {
      await slots.run(async () => {
        if (this.#state.kind === 'open') output = await compressor.compress(buffer.subarray(0, used));
      });
    } catch (error) {
      this.#fail(compressionFailed(error));
    }
    this.#rawBytes -= used;
    if (output !== undefined) {
      const sizes = { given: used, made: output.length };
      this.#sizes.add(sizes);
      sizesOfAll.add(sizes);
    }
    memory.compressed(buffer, output?.length ?? 0);
    return output;
  }

  async #land(before: Promise<void>, compressed: Promise<Buffer | undefined>): Promise<void> {
    await before;
    const output = await compressed;
    if (output === undefined) return;
    try {
      if (this.#state.kind === 'open') await this.#options.file.append([output]);
    } catch (error) {
      this.#fail(error);
    }
    this.#options.memory.landed(output.length);
  }

  #end(): void {
    this.#state = { kind: 'closed' };
    this.#options.onEnd();
  }

  #fail(why: unknown): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'failed', why };
  }

  #throwFailure(): void {
    if (this.#state.kind === 'failed') throw this.#state.why;
    assert(this.#state.kind === 'open', 'a part that is closed takes nothing');
  }
}

function compressionFailed(cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  return new SluiceError('rejected', 'COMPRESSION_FAILED', {
    message: `a chunk could not be compressed: ${cause instanceof Error ? cause.message : String(cause)}`,
    help: 'Most likely the machine is short of memory: use a lower compression.level, or give it more.',
    cause,
  });
}
