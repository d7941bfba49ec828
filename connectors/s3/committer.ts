import {
  type CallOptions,
  type CommitPermit,
  type Committer,
  type Env,
  type Named,
  type OrphanReport,
  type OrphanScope,
  type PendingHandle,
  SluiceError,
  toSluiceError,
  unreachable,
  type Verdict,
} from '../../core/spi.ts';
import type { Settled } from '../filesink/settled.ts';
import { Slots } from '../filesink/slots.ts';
import { type CommitDecision, type CompleteAnswer, decideCommit, type Seen, sameParts } from './commit-decision.ts';
import { isS3Error, S3Error } from './errors.ts';
import type { S3Handle } from './handle.ts';
import type { OpenUploadState } from './open-upload.ts';
import { type Orphans, uploadsOf } from './orphans.ts';
import { planRetry, type Retrier } from './retry.ts';
import type { ListedPart, PartTag, S3Api } from './s3-api.ts';
import { sweepTails } from './tail-sweep.ts';
import { TOKEN } from './token.ts';

const IN_FLIGHT_MAX = 16;
/** The least that a lifecycle rule can be set to, and what stores of other makes do by default, less a clock or two. */
const EXPIRY_MS_MIN = 23 * 3_600_000;

type Settlement = Exclude<CommitDecision, { kind: 'complete' }>;
type Missing = Extract<CommitDecision, { kind: 'missing' }>['why'];

export interface S3CommitterOptions {
  readonly bucket: string;
  /** Ends with a slash, unless empty. */
  readonly root: string;
  readonly api: S3Api;
  readonly retrier: Retrier;
  readonly orphans: Orphans;
  /** Of this incarnation: what older ones staged may have been committed already. */
  readonly epoch: number;
  readonly env: Pick<Env, 'clock' | 'random' | 'log'>;
  readonly takenByReaders: 'fail' | 'assume';
  /** How long neither upload nor object must be seen before they are given up: the store may be assembling. */
  readonly missingMs: number;
  /** Of tails. Without it nothing of this incarnation is taken for left behind. */
  readonly settled?: Settled | undefined;
}

/** Makes uploads visible by completing them: atomic, and possible once per upload. */
export class S3Committer implements Committer<S3Handle, OpenUploadState> {
  readonly #options: S3CommitterOptions;
  readonly #slots = new Slots(IN_FLIGHT_MAX);
  /** Uploads that are to be tried again, and since when (monotonic) nothing of them is to be seen. */
  readonly #tried = new Map<string, { missingSinceMs: number | undefined }>();

  constructor(options: S3CommitterOptions) {
    this.#options = options;
  }

  commit(
    handles: readonly PendingHandle<S3Handle>[],
    _permit: CommitPermit,
    { signal = new AbortController().signal }: CallOptions,
  ): Promise<Verdict[]> {
    return Promise.all(handles.map((handle) => this.#slots.run(() => this.#settle(handle, signal))));
  }

  async abortOrphans(
    scope: OrphanScope,
    keep: Named<S3Handle, OpenUploadState>,
    { signal = new AbortController().signal }: CallOptions,
  ): Promise<OrphanReport> {
    const settledBelow = this.#options.settled?.below ?? 0;
    const report = await this.#options.orphans.abort(scope, uploadsOf(keep), signal);
    try {
      await sweepTails({ ...this.#options, settledBelow }, scope, keep, signal);
    } catch (error) {
      signal.throwIfAborted();
      // Nobody reads them any more: they cost room until somebody may delete them.
      this.#options.env.log.warn('tails that are not needed any more could not be deleted', {
        why: toSluiceError(error).message,
      });
    }
    return report;
  }

  async #settle({ epoch, payload }: PendingHandle<S3Handle>, signal: AbortSignal): Promise<Verdict> {
    await this.#options.retrier.pace(signal);
    signal.throwIfAborted();
    const decision = await this.#decide(payload, epoch, signal);
    const verdict = this.#judge(payload, decision);
    if (verdict.kind !== 'retryLater') this.#tried.delete(payload.uploadId);
    else if (!this.#tried.has(payload.uploadId)) this.#tried.set(payload.uploadId, { missingSinceMs: undefined });
    return verdict;
  }

  async #decide(handle: S3Handle, epoch: number, signal: AbortSignal): Promise<Settlement> {
    // Nobody else can have completed what this incarnation has staged and not tried yet.
    const isNew = epoch === this.#options.epoch && !this.#tried.has(handle.uploadId);
    let answer: CompleteAnswer = { kind: 'notAsked' };
    let seen: Seen = isNew ? { kind: 'nothing' } : await this.#look(handle, signal);
    for (;;) {
      const decision = decideCommit(handle, answer, seen);
      if (decision.kind !== 'complete') return decision;
      answer = await this.#complete(handle, signal);
      seen = await this.#look(handle, signal);
    }
  }

  async #look({ bucket, key }: S3Handle, signal: AbortSignal): Promise<Seen> {
    try {
      const head = await this.#options.api.head({ bucket, key }, { signal });
      return head === undefined
        ? { kind: 'nothing' }
        : { kind: 'object', bytes: head.bytes, token: head.metadata[TOKEN] };
    } catch (error) {
      return { kind: 'unknown', cause: this.#noticed(error) };
    }
  }

  async #complete(handle: S3Handle, signal: AbortSignal): Promise<CompleteAnswer> {
    try {
      await this.#options.api.completeUpload(handle, handle.parts, { signal });
      return { kind: 'completed' };
    } catch (error) {
      return isS3Error(error, 'invalidPart') ? await this.#completeAsListed(handle, signal) : this.#answerOf(error);
    }
  }

  /** A part that was sent twice may have got another ETag: the store's own list of parts says whether it is the same. */
  async #completeAsListed(handle: S3Handle, signal: AbortSignal): Promise<CompleteAnswer> {
    try {
      const found = sameParts(handle.parts, await this.#listParts(handle, signal));
      if (found.kind === 'changed') return { kind: 'partsChanged', part: found.part };
      await this.#options.api.completeUpload(handle, found.parts satisfies PartTag[], { signal });
      return { kind: 'completed' };
    } catch (error) {
      return this.#answerOf(error);
    }
  }

  async #listParts(handle: S3Handle, signal: AbortSignal): Promise<ListedPart[]> {
    const parts: ListedPart[] = [];
    const { bucket, key, uploadId } = handle;
    for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
      const page = await this.#options.api.listParts({ bucket, key, uploadId, next }, { signal });
      parts.push(...page.items);
      next = page.next;
    }
    return parts;
  }

  #answerOf(error: unknown): CompleteAnswer {
    const cause = this.#noticed(error);
    if (isS3Error(cause, 'noSuchUpload')) return { kind: 'uploadGone' };
    const isOpen = isS3Error(cause, 'unknown', 'throttled', 'conflict', 'preconditionFailed');
    return { kind: isOpen ? 'unknown' : 'refused', cause };
  }

  /** A store that asks to come slower slows down everything of this session, parts included. */
  #noticed(error: unknown): SluiceError {
    if (isS3Error(error, 'throttled')) {
      const plan = planRetry(error, 1, this.#options.env.random.next());
      if (plan.kind === 'slowDown') this.#options.retrier.slowDown(plan.pauseMs);
    }
    return error instanceof S3Error ? error : toSluiceError(error);
  }

  #judge(handle: S3Handle, decision: Settlement): Verdict {
    switch (decision.kind) {
      case 'committed':
      case 'alreadyCommitted':
        return { kind: decision.kind };
      case 'retry':
        return { kind: 'retryLater', cause: decision.cause };
      case 'occupied':
        return { kind: 'retryLater', cause: occupied(handle) };
      case 'replaced':
        return { kind: 'lost', why: `another object is at ${where(handle)}, and ${upload(handle)} is gone` };
      case 'missing':
        return this.#judgeMissing(handle, decision.why);
      default:
        return unreachable(decision);
    }
  }

  #judgeMissing(handle: S3Handle, why: Missing): Verdict {
    const { takenByReaders, missingMs, env } = this.#options;
    if (takenByReaders === 'assume' && why !== 'partsChanged') return { kind: 'alreadyCommitted' };
    const nowMs = env.clock.monotonicMs();
    const sinceMs = this.#tried.get(handle.uploadId)?.missingSinceMs ?? nowMs;
    this.#tried.set(handle.uploadId, { missingSinceMs: sinceMs });
    const sentence = this.#whyMissing(handle, why);
    if (nowMs - sinceMs >= missingMs) return { kind: 'lost', why: sentence };
    return { kind: 'retryLater', cause: missing(handle, sentence) };
  }

  #whyMissing(handle: S3Handle, why: Missing): string {
    const there = where(handle);
    if (why === 'partsChanged') return `the parts of ${upload(handle)} for ${there} are not the ones that were sent`;
    if (why === 'completedAndTaken')
      return `the store said that ${upload(handle)} was completed, and there is no object ${there}: a reader has moved it away, or the store has lost it`;
    const ageMs = this.#options.env.clock.nowMs() - handle.begunAtMs;
    if (ageMs < EXPIRY_MS_MIN) return `neither ${upload(handle)} nor the object ${there} exists`;
    const days = Math.max(1, Math.round(ageMs / 86_400_000));
    return (
      `neither ${upload(handle)} nor the object ${there} exists; the upload was begun ${days} day(s) ago, so most likely a ` +
      'lifecycle rule (AbortIncompleteMultipartUpload) has expired it: let the rule wait longer than any outage'
    );
  }
}

const where = ({ bucket, key }: S3Handle) => `s3:${bucket}/${key}`;
const upload = ({ uploadId }: S3Handle) => `upload ${uploadId}`;

function occupied(handle: S3Handle): SluiceError {
  const { bucket, key, uploadId } = handle;
  return new SluiceError('rejected', 'S3_TARGET_OCCUPIED', {
    message: `${where(handle)} exists and is not the file that ${upload(handle)} is to become`,
    help: 'Only Sluice makes such names: find out who put it there. If it is a copy, delete it.',
    details: { bucket, key, uploadId },
  });
}

function missing(handle: S3Handle, why: string): SluiceError {
  const { bucket, key, uploadId } = handle;
  return new SluiceError('unavailable', 'S3_UPLOAD_MISSING', {
    message: `${why}; waiting in case the store is still putting it together`,
    help: 'If it stays so, the run stops with a loss that names the offsets.',
    details: { bucket, key, uploadId },
  });
}
