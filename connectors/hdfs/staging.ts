import { type Env, SluiceError } from '../../core/spi.ts';
import type { NewPart, PartFile, PartFiles } from '../filesink/part-files.ts';
import type { Directories } from './directories.ts';
import { Gatherer } from './gather.ts';
import type { HdfsHandle } from './handle.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { isHdfsError } from './webhdfs/errors.ts';

/** Below the sink's root, where no reader looks, and from where a rename is one step of the NameNode. */
export const STAGING = '.staging';
/** How often the NameNode is asked about a file whose end a DataNode does not answer. */
const LOOK_EVERY_MS = 5_000;

export interface StagingOptions {
  /** Absolute, without a slash at its end. */
  readonly root: string;
  readonly client: WebHdfs;
  readonly directories: Directories;
  readonly permission: string | undefined;
  readonly replication: number | undefined;
  readonly timers: Env['timers'];
  /** Aborts when the incarnation is over. */
  readonly signal: AbortSignal;
}

/** Stages each part as one CREATE that streams while the part is open. */
export class Staging implements PartFiles<HdfsHandle> {
  readonly #options: StagingOptions;
  readonly #gatherer = new Gatherer();

  constructor(options: StagingOptions) {
    this.#options = options;
  }

  async open({ directory, name }: NewPart): Promise<PartFile<HdfsHandle>> {
    const { root, directories, signal } = this.#options;
    const target = `${root}/${directory}`;
    // The staging directory comes about with the first file; this one a rename would miss.
    await directories.ensure(target, { signal });
    return new StagedPart({
      ...this.#options,
      gatherer: this.#gatherer,
      staged: `${root}/${STAGING}/${name}`,
      final: `${target}/${name}`,
    });
  }
}

interface StagedPartOptions extends StagingOptions {
  readonly gatherer: Gatherer;
  readonly staged: string;
  readonly final: string;
}

/** Chunks that one append has given and the wire has not taken yet. */
interface Given {
  readonly chunks: readonly Buffer[];
  readonly taken: PromiseWithResolvers<void>;
}

/**
 * Nothing of it is sent twice: a write that breaks off may have left a shorter file that looks like a whole one, so the part
 * fails and its records are read again, under another name.
 */
class StagedPart implements PartFile<HdfsHandle> {
  readonly #options: StagedPartOptions;
  readonly #over = new AbortController();
  readonly #created: Promise<void>;
  #given: Given | undefined;
  #wake = () => {};
  #bytes = 0;
  #isEnded = false;
  #state: { kind: 'open' } | { kind: 'failed'; why: unknown } | { kind: 'closed' } = { kind: 'open' };

  constructor(options: StagedPartOptions) {
    this.#options = options;
    const { client, staged, permission, replication, signal } = options;
    if (signal.aborted) this.#abort();
    signal.addEventListener('abort', this.#abort);
    this.#created = client.create(staged, this.#body(), { permission, replication, signal: this.#over.signal });
    this.#created.then(this.#ensureEnded, (why) => this.#fail(this.#meaningOf(why)));
  }

  async append(chunks: readonly Buffer[]): Promise<void> {
    this.#throwFailure();
    const taken = Promise.withResolvers<void>();
    this.#given = { chunks, taken };
    this.#wake();
    await taken.promise;
    for (const chunk of chunks) this.#bytes += chunk.length;
  }

  async close(): Promise<HdfsHandle> {
    const { client, staged, final } = this.#options;
    this.#throwFailure();
    this.#isEnded = true;
    this.#wake();
    await this.#untilCreated();
    const status = await client.getFileStatus(staged, { signal: this.#over.signal });
    if (status?.kind !== 'file' || status.bytes !== this.#bytes) throw notAsWritten(staged, this.#bytes, status?.bytes);
    this.#end();
    return { staged, final, bytes: this.#bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind === 'closed') return;
    this.#end();
    this.#over.abort(new Error('the part is given up'));
    // It has failed or is given up, so what came of the write is nobody's concern; only that it is over.
    await Promise.allSettled([this.#created]);
  }

  /** What an append gives, until the part is closed. Being asked for more means that the last chunk is out of our memory. */
  async *#body(): AsyncGenerator<Buffer, void, void> {
    const { gatherer } = this.#options;
    for (;;) {
      const given = this.#given;
      if (given !== undefined) {
        yield* gatherer.pieces(given.chunks);
        this.#given = undefined;
        given.taken.resolve();
        continue;
      }
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #end(): void {
    this.#state = { kind: 'closed' };
    this.#options.signal.removeEventListener('abort', this.#abort);
  }

  async #untilCreated(): Promise<void> {
    const answered = new AbortController();
    const looking = this.#lookAfterIt(AbortSignal.any([answered.signal, this.#over.signal]));
    try {
      await this.#created.catch(() => this.#throwFailure());
    } finally {
      answered.abort();
      await looking;
    }
  }

  /**
   * A DataNode whose file was removed may say so only after a minute, and the NameNode knows at once. One that has much to
   * do begins a file late: what was never seen may still come.
   */
  async #lookAfterIt(signal: AbortSignal): Promise<void> {
    const { staged, timers } = this.#options;
    let isSeen = false;
    for (;;) {
      await timers.sleep(LOOK_EVERY_MS, { signal });
      const isThere = signal.aborted ? undefined : await this.#isThere(signal);
      if (signal.aborted) return;
      if (isSeen && isThere === false) break;
      isSeen ||= isThere === true;
    }
    this.#fail(notAsWritten(staged, this.#bytes, undefined));
    this.#over.abort(new Error('the file is gone'));
  }

  async #isThere(signal: AbortSignal): Promise<boolean | undefined> {
    const { client, staged } = this.#options;
    try {
      return (await client.getFileStatus(staged, { signal })) !== undefined;
    } catch {
      // A NameNode that cannot be asked says nothing of the file; the next look may.
      return undefined;
    }
  }

  #meaningOf(why: unknown): unknown {
    const { staged } = this.#options;
    if (isHdfsError(why, 'exists', 'beingCreated')) return nameTaken(staged, why);
    // Removed while it was written, most likely by whoever has taken over meanwhile: the restart will see that.
    return isHdfsError(why, 'notFound') ? notAsWritten(staged, this.#bytes, undefined, why) : why;
  }

  /** A success before the end of what we send is none. */
  readonly #ensureEnded = (): void => {
    if (!this.#isEnded) this.#fail(notAsWritten(this.#options.staged, this.#bytes, undefined));
  };

  #fail(why: unknown): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'failed', why };
    this.#given?.taken.reject(why);
    this.#given = undefined;
  }

  readonly #abort = (): void => this.#over.abort(this.#options.signal.reason);

  #throwFailure(): void {
    if (this.#state.kind === 'failed') throw this.#state.why;
    this.#over.signal.throwIfAborted();
  }
}

/** Epochs are never given twice, so this means that the checkpoints of this run were copied or taken back to an older state. */
function nameTaken(staged: string, cause: unknown): SluiceError {
  return new SluiceError('rejected', 'HDFS_STAGED_NAME_TAKEN', {
    message: `${staged} exists already, although no other run can have had this name`,
    help: 'Were the checkpoints copied or restored while another run used them? Make sure that only one of them is left.',
    details: { staged },
    cause,
  });
}

function notAsWritten(staged: string, bytes: number, found: number | undefined, cause?: unknown): SluiceError {
  const what = found === undefined ? 'it is gone' : `it has ${found} bytes instead of ${bytes}`;
  return new SluiceError('unavailable', 'HDFS_NOT_AS_WRITTEN', {
    message: `${staged} is not what was written there: ${what}`,
    help: `Find out who changes files in ${STAGING}. Nothing is lost: the run goes on from its last checkpoint.`,
    details: { staged, bytes, found },
    ...(cause === undefined ? {} : { cause }),
  });
}
