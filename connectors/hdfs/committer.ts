import {
  type CallOptions,
  type CommitPermit,
  type Committer,
  type Logger,
  type Named,
  type OrphanReport,
  type OrphanScope,
  type PendingHandle,
  SluiceError,
  toSluiceError,
  unreachable,
  type Verdict,
} from '../../core/spi.ts';
import { Slots } from '../filesink/slots.ts';
import { decideCommit, type Seen, seeBoth } from '../filesink/two-names.ts';
import { type Directories, parentOf } from './directories.ts';
import type { HdfsHandle } from './handle.ts';
import { readStaged } from './orphans.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { isHdfsError } from './webhdfs/errors.ts';

/** A NameNode does one change at a time; more at once only wait there. */
const IN_FLIGHT_MAX = 16;

type Renamed = { readonly kind: 'done' } | { readonly kind: 'not' | 'doubt'; readonly cause: SluiceError };

export interface HdfsCommitterOptions {
  readonly root: string;
  readonly client: WebHdfs;
  readonly directories: Directories;
  readonly log: Logger;
  readonly takenByReaders: 'fail' | 'assume';
}

/** Makes staged files visible by renaming them: atomic, and possible once per handle. */
export class HdfsCommitter implements Committer<HdfsHandle> {
  readonly #options: HdfsCommitterOptions;
  readonly #slots = new Slots(IN_FLIGHT_MAX);

  constructor(options: HdfsCommitterOptions) {
    this.#options = options;
  }

  commit(
    handles: readonly PendingHandle<HdfsHandle>[],
    _permit: CommitPermit,
    { signal }: CallOptions,
  ): Promise<Verdict[]> {
    return Promise.all(handles.map(({ payload }) => this.#slots.run(() => this.#settle(payload, signal))));
  }

  async abortOrphans(scope: OrphanScope, keep: Named<HdfsHandle>, { signal }: CallOptions): Promise<OrphanReport> {
    const aborted: string[] = [];
    let kept = 0;
    const removals = (await readStaged(this.#options, scope, keep, signal)).map(({ name, path, judged }) =>
      this.#slots.run(async () => {
        if (judged.kind === 'orphan' && (await this.#removeOrphan(path, signal))) aborted.push(name);
        else kept++;
      }),
    );
    await Promise.all(removals);
    return { aborted, kept };
  }

  async #settle(handle: HdfsHandle, signal: AbortSignal | undefined): Promise<Verdict> {
    signal?.throwIfAborted();
    const { directories } = this.#options;
    // The rename refuses where it has no business, so it comes first: one call for all that goes well.
    let renamed = await this.#rename(handle, signal);
    if (renamed.kind === 'done') return { kind: 'committed' };
    try {
      const first = this.#judge(handle, await this.#see(handle, signal), renamed);
      if (first !== 'stillStaged') return first;
      // What is staged and could not be moved may lack the directory it belongs to: somebody has removed it.
      directories.forget();
      await directories.ensure(parentOf(handle.final), { signal });
      renamed = await this.#rename(handle, signal);
      if (renamed.kind === 'done') return { kind: 'committed' };
      const second = this.#judge(handle, await this.#see(handle, signal), renamed);
      return second === 'stillStaged' ? { kind: 'retryLater', cause: renamed.cause } : second;
    } catch (error) {
      signal?.throwIfAborted();
      // Whatever it was, the file is under one of its two names, and the next look will find it.
      return { kind: 'retryLater', cause: toSluiceError(error) };
    }
  }

  async #rename({ staged, final }: HdfsHandle, signal: AbortSignal | undefined): Promise<Renamed> {
    try {
      await this.#options.client.rename(staged, final, { signal });
      return { kind: 'done' };
    } catch (error) {
      signal?.throwIfAborted();
      return { kind: isHdfsError(error, 'unknown') ? 'doubt' : 'not', cause: toSluiceError(error) };
    }
  }

  #see(handle: HdfsHandle, signal: AbortSignal | undefined): Promise<Seen> {
    return seeBoth((path) => this.#options.client.getFileStatus(path, { signal }), handle);
  }

  #judge(handle: HdfsHandle, seen: Seen, renamed: Renamed): Verdict | 'stillStaged' {
    const { takenByReaders } = this.#options;
    const { staged, final } = handle;
    const outcome = decideCommit(handle, seen);
    switch (outcome.kind) {
      case 'move':
        return 'stillStaged';
      case 'alreadyVisible':
        return { kind: renamed.kind === 'doubt' ? 'committed' : 'alreadyCommitted' };
      case 'occupied':
        return { kind: 'retryLater', cause: occupied(handle) };
      case 'gone':
        return takenByReaders === 'assume'
          ? { kind: 'alreadyCommitted' }
          : { kind: 'lost', why: `neither hdfs:${staged} nor hdfs:${final} exists` };
      case 'replaced':
        return { kind: 'lost', why: `hdfs:${final} ${outcome.what}` };
      default:
        return unreachable(outcome);
    }
  }

  /** False when it could not be removed; the next round tries again. */
  async #removeOrphan(path: string, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    try {
      await this.#options.client.delete(path, { signal });
      return true;
    } catch (error) {
      signal?.throwIfAborted();
      const { message } = toSluiceError(error);
      this.#options.log.warn('a staged file of an earlier run could not be removed', { path, why: message });
      return false;
    }
  }
}

function occupied({ staged, final }: HdfsHandle): SluiceError {
  return new SluiceError('rejected', 'HDFS_TARGET_OCCUPIED', {
    message: `hdfs:${final} exists, but the file to be put there is still staged as ${staged}`,
    help: `Only Sluice makes such names: find out who put it there. If it is a copy, remove ${final}.`,
    details: { staged, final },
  });
}
