import type { SpoolDisk, SpoolFile } from '../../connectors/s3/spool.ts';

export type SpoolCall = 'makeDirectory' | 'create' | 'write' | 'read';

/** A disk that takes and gives less than it was asked for, after a while, and fails where a test says so. */
export class MemorySpoolDisk implements SpoolDisk {
  /** Files that were not closed. */
  openFiles = 0;
  readonly paths: string[] = [];
  readonly calls: Record<SpoolCall, number> = { makeDirectory: 0, create: 0, write: 0, read: 0 };
  /** Called before each call takes effect. */
  before: (call: SpoolCall) => Promise<void> | void = () => {};

  async makeDirectory(): Promise<void> {
    await this.#call('makeDirectory');
  }

  async createNameless(path: string): Promise<SpoolFile> {
    await this.#call('create');
    this.paths.push(path);
    this.openFiles++;
    let content = Buffer.alloc(0);
    return {
      write: async (bytes, position) => {
        await this.#call('write');
        const taken = bytes.subarray(0, shortened(bytes.length));
        if (content.length < position + taken.length) {
          // What was not written yet reads as something that no test writes.
          content = Buffer.concat([content, Buffer.alloc(position + taken.length - content.length, 0xdb)]);
        }
        content.set(taken, position);
        return taken.length;
      },
      read: async (into, position) => {
        await this.#call('read');
        return content.copy(into, 0, position, position + shortened(into.length));
      },
      close: async () => {
        this.openFiles--;
      },
    };
  }

  async #call(call: SpoolCall): Promise<void> {
    this.calls[call]++;
    await this.before(call);
  }
}

const shortened = (bytes: number) => Math.max(1, bytes - Math.floor(bytes / 3));
