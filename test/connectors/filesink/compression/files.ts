import {
  CompressedFiles,
  type CompressedFilesOptions,
} from '../../../../connectors/filesink/compression/compressed-files.ts';
import type { Compressor } from '../../../../connectors/filesink/compression/compressor.ts';
import type { PartFile, PartFiles } from '../../../../connectors/filesink/part-files.ts';
import { syncCompressor } from '../../../../testing/sync-compressor.ts';

export interface KeptPart {
  readonly name: string;
  readonly appended: Buffer[];
  state: 'open' | 'closed' | 'disposed';
}

/** Keeps parts in memory, and the rules of `PartFile`: one call at a time, and none after the end. */
export class KeptFiles implements PartFiles<string> {
  readonly parts: KeptPart[] = [];
  relieve: ((bytes: number) => void) | undefined;
  /** Awaited in front of every append. */
  gate: (part: KeptPart) => void | Promise<void> = () => {};
  gatheredBytes = 0;

  onShortage(relieve: (bytes: number) => void): void {
    this.relieve = relieve;
  }

  async open({ name }: { name: string }): Promise<PartFile<string>> {
    const part: KeptPart = { name, appended: [], state: 'open' };
    this.parts.push(part);
    let isBusy = false;
    const alone = async <T>(call: () => Promise<T>): Promise<T> => {
      if (isBusy || part.state !== 'open') throw new Error(`a call on a ${isBusy ? 'busy' : part.state} part`);
      isBusy = true;
      try {
        return await call();
      } finally {
        isBusy = false;
      }
    };
    const gatheredBytes = () => this.gatheredBytes;
    return {
      append: (chunks) =>
        alone(async () => {
          await this.gate(part);
          part.appended.push(...chunks.map((chunk) => Buffer.from(chunk)));
        }),
      close: () =>
        alone(async () => {
          part.state = 'closed';
          return name;
        }),
      persist: () => alone(async () => name),
      get gatheredBytes() {
        return gatheredBytes();
      },
      [Symbol.asyncDispose]: async () => {
        if (isBusy) throw new Error('a part is disposed of while it is busy');
        if (part.state === 'open') part.state = 'disposed';
      },
    };
  }
}

/** Lets everything happen that waits for nothing but promises. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const gzip = syncCompressor({ type: 'gzip', level: 1 });

/** Copies, so that the output is known by its bytes; answers when told, in any order. */
export class HeldCompressor implements Compressor {
  readonly calls: { bytes: number; answer: (failure?: Error) => void }[] = [];
  settledCount = 0;

  compress(chunk: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const answer = (failure?: Error) => {
        this.settledCount++;
        // Read this late, so that a buffer that was given to somebody else meanwhile shows.
        if (failure === undefined) resolve(Buffer.from(chunk));
        else reject(failure);
      };
      this.calls.push({ bytes: chunk.length, answer });
    });
  }

  answerAll(): void {
    for (const { answer } of this.calls.splice(0)) answer();
  }
}

/** A `CompressedFiles` over kept ones. */
export function compressed(options: Partial<CompressedFilesOptions<string, unknown>> = {}) {
  const inner = new KeptFiles();
  const files = new CompressedFiles({ files: inner, compressor: gzip, ...options });
  const open = (name = 'part') => files.open({ directory: 'd', name, covers: () => ({}) });
  const contentOf = (index = 0) => Buffer.concat(inner.parts[index]?.appended ?? []);
  return { inner, files, open, contentOf };
}

/** Bytes that show where they come from. */
export function bytesOf(count: number, seed = 0): Buffer {
  return Buffer.from(
    Uint32Array.from({ length: Math.ceil(count / 4) }, (_, at) => at * 2654435761 + seed).buffer,
  ).subarray(0, count);
}
