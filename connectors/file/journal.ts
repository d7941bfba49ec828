import type { Beside } from '../formats/part-encoder.ts';
import { withFileErrors } from './errors.ts';
import { type OpenFile, writeAll } from './file-system.ts';
import type { StagedBytes } from './handle.ts';

/** Of part names. */
export const JOURNAL_EXTENSION = 'journal';

export interface JournalOptions {
  begin(): Promise<{ readonly staged: string; readonly file: OpenFile }>;
  /** The bytes, not the name. */
  sync(staged: string, file: OpenFile): Promise<void>;
}

/** Keeps what belongs beside one open file in a file of its own; one that was replaced is left to the sweep of orphans. */
export class Journal {
  readonly #options: JournalOptions;
  #current: { readonly staged: string; readonly file: OpenFile; bytes: number } | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Writes the bytes. */
  async add({ chunks, replaces }: Beside): Promise<StagedBytes & { readonly file: OpenFile }> {
    if (replaces) await this.close();
    this.#current ??= { ...(await this.#options.begin()), bytes: 0 };
    const current = this.#current;
    await withFileErrors({ doing: 'write', path: current.staged }, () => writeAll(current.file, chunks));
    for (const chunk of chunks) current.bytes += chunk.length;
    return current;
  }

  /** Makes the bytes durable with those before, and says which they are. */
  async keep(beside: Beside): Promise<StagedBytes> {
    const { staged, bytes, file } = await this.add(beside);
    await this.#options.sync(staged, file);
    return { staged, bytes };
  }

  async close(): Promise<void> {
    const closed = this.#current;
    this.#current = undefined;
    // What a state names was made durable before, and nothing else of it is anybody's: an error of closing adds nothing.
    await closed?.file.close().catch(() => {});
  }
}
