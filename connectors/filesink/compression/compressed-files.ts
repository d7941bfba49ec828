import type { Reservation } from '../../../core/spi.ts';
import type { NewPart, PartFile, PartFiles } from '../part-files.ts';
import { Slots } from '../slots.ts';
import { ChunkMemory } from './chunk-memory.ts';
import { CompressedPart } from './compressed-part.ts';
import type { Compressor } from './compressor.ts';
import { Sizes } from './sizes.ts';

const MIB = 1024 * 1024;
/** libuv has four threads, and files need one of them. */
const COMPRESSIONS_MAX = 3;

/** Sizes are in bytes and have good values unless told. */
export interface CompressedFilesOptions<H, O> {
  /** Where the compressed bytes go. */
  readonly files: PartFiles<H, O>;
  readonly compressor: Compressor;
  /** What one member or frame holds at most. */
  readonly chunkBytes?: number;
  /** Chunks being compressed at a time, over all parts. */
  readonly compressionsMax?: number;
  /** What chunks that are not full may hold over all parts; above it the largest are compressed as they are. */
  readonly fillingBytesMax?: number;
  /** What may be compressed or wait for its file at a time, over all parts; above it appends wait. */
  readonly inFlightBytesMax?: number;
  /** Grows and shrinks with the memory held here. */
  readonly reservation?: Reservation;
}

/**
 * Files whose bytes are compressed on their way: in chunks, each a gzip member or zstd frame of its own, several at a time
 * over all parts, in order within each. What the inner files count and report are compressed bytes.
 */
export class CompressedFiles<H, O> implements PartFiles<H, O> {
  readonly #files: PartFiles<H, O>;
  readonly #compressor: Compressor;
  readonly #chunkBytes: number;
  readonly #memory: ChunkMemory;
  readonly #slots: Slots;
  readonly #sizes = new Sizes();
  readonly #open = new Set<CompressedPart<H, O>>();

  constructor(options: CompressedFilesOptions<H, O>) {
    this.#files = options.files;
    this.#compressor = options.compressor;
    this.#chunkBytes = options.chunkBytes ?? MIB;
    this.#slots = new Slots(options.compressionsMax ?? COMPRESSIONS_MAX);
    this.#memory = new ChunkMemory({
      chunkBytes: this.#chunkBytes,
      fillingBytesMax: options.fillingBytesMax ?? 64 * MIB,
      inFlightBytesMax: options.inFlightBytesMax ?? 8 * MIB,
      reservation: options.reservation,
    });
    this.#memory.onShortage = (bytes) => this.#sendLargest(bytes);
  }

  /** All memory held here, without that of the inner files. */
  get heldBytes(): number {
    return this.#memory.heldBytes;
  }

  onShortage(relieve: (bytes: number) => void): void {
    this.#files.onShortage?.(relieve);
  }

  onCut(): void {
    this.#files.onCut?.();
  }

  async open(part: NewPart): Promise<PartFile<H, O>> {
    const compressed = new CompressedPart<H, O>({
      file: await this.#files.open(part),
      compressor: this.#compressor,
      chunkBytes: this.#chunkBytes,
      memory: this.#memory,
      slots: this.#slots,
      sizesOfAll: this.#sizes,
      onEnd: () => this.#open.delete(compressed),
    });
    this.#open.add(compressed);
    return compressed;
  }

  #sendLargest(bytes: number): void {
    let missing = bytes;
    for (const part of [...this.#open].sort((a, b) => b.fillingBytes - a.fillingBytes)) {
      if (missing <= 0) return;
      missing -= part.sendNow();
    }
  }
}
