import type { CallOptions } from '../../core/spi.ts';
import type { WebHdfs } from './webhdfs/client.ts';

/** Makes directories once each, however many callers ask. */
export class Directories {
  readonly #client: WebHdfs;
  readonly #ensured = new Map<string, Promise<void>>();

  constructor(client: WebHdfs) {
    this.#client = client;
  }

  /** With all directories above it. Remembers what it has made: see `forget`. Called off, only the caller stops waiting. */
  async ensure(path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await unlessAborted(this.#ensured.get(path) ?? this.#make(path), signal);
  }

  /** Somebody removed a directory while we ran: make it again the next time. */
  forget(): void {
    this.#ensured.clear();
  }

  #make(path: string): Promise<void> {
    // Without anybody's signal: others wait for it, too, and the client gives up by itself.
    const making = this.#client.mkdirs(path);
    this.#ensured.set(path, making);
    making.catch(() => this.#ensured.delete(path));
    return making;
  }
}

/** The directory that a file is in. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function unlessAborted(making: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return making;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    making.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
