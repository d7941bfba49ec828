import type { WebHdfs } from './webhdfs/client.ts';

/** Makes directories once each, however many callers ask. */
export class Directories {
  readonly #client: WebHdfs;
  readonly #ensured = new Map<string, Promise<void>>();

  constructor(client: WebHdfs) {
    this.#client = client;
  }

  /** With all directories above it. Remembers what it has made: see `forget`. */
  ensure(path: string): Promise<void> {
    const known = this.#ensured.get(path);
    if (known !== undefined) return known;
    // Without anybody's signal: others wait for it, too, and the client gives up by itself.
    const making = this.#client.mkdirs(path);
    this.#ensured.set(path, making);
    making.catch(() => this.#ensured.delete(path));
    return making;
  }

  /** Somebody removed a directory while we ran: make it again the next time. */
  forget(): void {
    this.#ensured.clear();
  }
}

/** The directory that a file is in. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
