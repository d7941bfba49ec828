import type { PartFile, PartFiles } from '../../../../connectors/filesink/part-files.ts';

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
