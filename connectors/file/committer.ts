import { dirname } from 'node:path';
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
  unreachable,
  type Verdict,
} from '../../core/spi.ts';
import type { Settled } from '../filesink/settled.ts';
import { Slots } from '../filesink/slots.ts';
import { decideCommit, seeBoth } from '../filesink/two-names.ts';
import type { Directories } from './directories.ts';
import { isErrorCode, toFileError, withFileErrors } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import type { FileHandle, OpenFileState } from './handle.ts';
import { readStaged } from './orphans.ts';

/** File systems write several syncs at once; one thread of four is left to the parts being written. */
const SYNCS_MAX = 3;

export interface FileCommitterOptions {
  readonly root: string;
  readonly fs: FileSystem;
  readonly directories: Directories;
  readonly log: Logger;
  readonly takenByReaders: 'fail' | 'assume';
  /** Without it nothing of this incarnation is taken for left behind. */
  readonly settled?: Settled | undefined;
}

/** Makes staged files visible by renaming them: atomic, and possible once per handle. */
export class FileCommitter implements Committer<FileHandle, OpenFileState> {
  readonly #options: FileCommitterOptions;

  constructor(options: FileCommitterOptions) {
    this.#options = options;
  }

  async commit(
    handles: readonly PendingHandle<FileHandle>[],
    _permit: CommitPermit,
    { signal }: CallOptions,
  ): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    for (const { payload } of handles) {
      signal?.throwIfAborted();
      verdicts.push(await this.#move(payload));
    }
    const failures = await this.#syncDirectories(handles.filter((_, index) => isVisible(verdicts[index])));
    return verdicts.map((verdict, index) => {
      const { final, staged } = (handles[index] as PendingHandle<FileHandle>).payload;
      const cause = failures.get(dirname(final)) ?? failures.get(dirname(staged));
      return isVisible(verdict) && cause !== undefined ? { kind: 'retryLater', cause } : verdict;
    });
  }

  async abortOrphans(
    scope: OrphanScope,
    keep: Named<FileHandle, OpenFileState>,
    { signal }: CallOptions,
  ): Promise<OrphanReport> {
    const settledBelow = this.#options.settled?.below;
    const aborted: string[] = [];
    let kept = 0;
    for (const { name, path, judged } of await readStaged(this.#options, scope, keep, settledBelow)) {
      signal?.throwIfAborted();
      if (judged.kind !== 'orphan' || !(await this.#removeOrphan(path))) kept++;
      // What this incarnation has replaced itself is nothing that a crash left behind.
      else if (judged.epoch < scope.epochBelow) aborted.push(name);
    }
    return { aborted, kept };
  }

  async #move(handle: FileHandle): Promise<Verdict> {
    const { directories } = this.#options;
    try {
      const before = await this.#look(handle);
      if (before !== 'move') return before;
      if (await this.#rename(handle)) return { kind: 'committed' };
      const after = await this.#look(handle);
      if (after !== 'move') return after;
      // Staged but not to be moved: somebody removed the directory it belongs to.
      directories.forget();
      await directories.ensure(dirname(handle.final));
      return (await this.#rename(handle)) ? { kind: 'committed' } : { kind: 'retryLater', cause: notMoved(handle) };
    } catch (error) {
      // Whatever it was, the file is in one of its two places, and the next look will find it.
      return { kind: 'retryLater', cause: toFileError(error, { doing: 'move into place', path: handle.final }) };
    }
  }

  async #look(handle: FileHandle): Promise<Verdict | 'move'> {
    const outcome = decideCommit(handle, await seeBoth((path) => this.#options.fs.lstat(path), handle));
    switch (outcome.kind) {
      case 'move':
        return 'move';
      case 'alreadyVisible':
        return { kind: 'alreadyCommitted' };
      case 'occupied':
        return { kind: 'retryLater', cause: occupied(handle) };
      case 'gone':
        return this.#options.takenByReaders === 'assume'
          ? { kind: 'alreadyCommitted' }
          : { kind: 'lost', why: `neither ${handle.staged} nor ${handle.final} exists` };
      case 'replaced':
        return { kind: 'lost', why: `${handle.final} ${outcome.what}` };
      default:
        return unreachable(outcome);
    }
  }

  /** False when a name was missing: another committer was faster, or the directory is gone. */
  async #rename({ staged, final }: FileHandle): Promise<boolean> {
    try {
      await this.#options.fs.rename(staged, final);
      return true;
    } catch (error) {
      if (!isErrorCode(error, 'ENOENT')) throw error;
      return false;
    }
  }

  /** Targets before the staging area: whatever a power loss keeps, each file has at least one of its names. */
  async #syncDirectories(handles: readonly PendingHandle<FileHandle>[]): Promise<Map<string, SluiceError>> {
    const failures = new Map<string, SluiceError>();
    const slots = new Slots(SYNCS_MAX);
    const syncAll = (paths: readonly string[]) =>
      Promise.all([...new Set(paths)].map((path) => slots.run(() => this.#syncDirectory(path, failures))));
    await syncAll(handles.map(({ payload }) => dirname(payload.final)));
    await syncAll(handles.map(({ payload }) => dirname(payload.staged)));
    return failures;
  }

  async #syncDirectory(path: string, failures: Map<string, SluiceError>): Promise<void> {
    try {
      await this.#options.directories.sync(path);
    } catch (error) {
      // A reader moved the whole directory away: it has the files, and there is no name left to make durable.
      if (isErrorCode(error, 'ENOENT')) return;
      const failure = toFileError(error, { doing: 'make durable', path });
      // A failed sync may have dropped what it should have written, and a second one would not know.
      if (isErrorCode(error, 'EIO')) throw failure;
      failures.set(path, failure);
    }
  }

  /** False when it could not be removed; the next round tries again. */
  async #removeOrphan(path: string): Promise<boolean> {
    try {
      await withFileErrors({ doing: 'remove', path }, () => this.#options.fs.unlink(path));
    } catch (error) {
      const failure = toFileError(error, { doing: 'remove', path });
      if (isErrorCode(failure.cause, 'ENOENT')) return true;
      this.#options.log.warn('a staged file of an earlier run could not be removed', { path, why: failure.message });
      return false;
    }
    return true;
  }
}

function isVisible(verdict: Verdict | undefined): boolean {
  return verdict?.kind === 'committed' || verdict?.kind === 'alreadyCommitted';
}

function occupied({ staged, final }: FileHandle): SluiceError {
  return new SluiceError('rejected', 'FILE_TARGET_OCCUPIED', {
    message: `${final} exists, but the file to be put there is still staged as ${staged}`,
    help: `Only Sluice makes such names: find out who put it there. If it is a copy, remove ${final}.`,
    details: { staged, final },
  });
}

function notMoved({ staged, final }: FileHandle): SluiceError {
  return new SluiceError('unavailable', 'FILE_NOT_MOVED', {
    message: `${staged} could not be moved to ${final}: the directory keeps vanishing`,
    help: 'Find out what removes the directory while files are moved into it.',
    details: { staged, final },
  });
}
