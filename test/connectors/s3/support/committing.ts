import { S3Committer } from '../../../../connectors/s3/committer.ts';
import type { S3Handle } from '../../../../connectors/s3/handle.ts';
import { Orphans } from '../../../../connectors/s3/orphans.ts';
import { PartMemory } from '../../../../connectors/s3/part-memory.ts';
import { Retrier } from '../../../../connectors/s3/retry.ts';
import { Uploads } from '../../../../connectors/s3/upload.ts';
import type { CommitPermit, PendingHandle, Verdict } from '../../../../core/contract/sink.ts';
import type { S3Exchange } from '../../../../testing/s3/handler.ts';
import type { S3Model } from '../../../../testing/s3/model.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { apiOn, BUCKET, newModel, tailsOn } from './scene.ts';

const permit = { seq: 1, epoch: 1 } as CommitPermit;
export const OWNER = { pipeline: 'p', lineage: '0123456789abcdef', layout: 1, shard: 0 };
/** The incarnation that commits. */
export const EPOCH = 5;

export interface CommittingOptions {
  readonly model?: S3Model;
  readonly exchange?: S3Exchange;
  readonly takenByReaders?: 'fail' | 'assume';
}

/** A committer in virtual time, and files to commit. */
export class Committing {
  readonly model: S3Model;
  readonly env = new VirtualEnv();
  readonly retrier = new Retrier(this.env.env);
  readonly committer: S3Committer;
  readonly #signal = new AbortController().signal;
  #files = 0;

  constructor({ model = newModel(), exchange, takenByReaders = 'fail' }: CommittingOptions = {}) {
    this.model = model;
    const api = apiOn(model, exchange === undefined ? {} : { exchange });
    const { env } = this.env;
    const owner = { ...OWNER, epoch: EPOCH };
    const orphans = new Orphans({ bucket: BUCKET, root: 'raw/', api, retrier: this.retrier, owner, env });
    this.committer = new S3Committer({
      ...{ bucket: BUCKET, root: 'raw/', api, orphans, takenByReaders, env, epoch: EPOCH },
      retrier: this.retrier,
      missingMs: 60_000,
    });
  }

  /** Stages a file in an incarnation, by a client that nothing happens to. */
  async stage({
    epoch = EPOCH,
    text = '{"a":1}\n',
    partBytes = 5 * 1024 * 1024,
  } = {}): Promise<PendingHandle<S3Handle>> {
    const reservation = { bytes: 0, resize() {}, release() {} };
    const api = apiOn(this.model);
    const { retrier } = this;
    const uploads = new Uploads({
      ...{ bucket: BUCKET, root: 'raw/', attributes: {}, partBytes, env: this.env.env },
      ...{ api, retrier, tails: tailsOn({ api, retrier, signal: this.#signal }) },
      memory: new PartMemory({ budgetBytes: 96 * 1024 * 1024, reservation }),
      signal: this.#signal,
    });
    const name = `file-${++this.#files}.ndjson`;
    await using file = await uploads.open({ directory: 't', name, covers: () => ({ 't/0': [0, 1] }) });
    await file.append([Buffer.from(text)]);
    return {
      ...{ id: name, sink: 'main', seq: 1, epoch, kind: 'file', phase: 0, covers: { 't/0': [0, 1] } },
      payload: await file.close(),
    };
  }

  async commit(...handles: PendingHandle<S3Handle>[]): Promise<Verdict[]> {
    return await this.env.run(this.committer.commit(handles, permit, { signal: this.#signal }));
  }

  /** What the queue does: again after a while, until it is settled. */
  async commitUntilSettled(handle: PendingHandle<S3Handle>, { limitMs = 600_000 } = {}): Promise<Verdict> {
    const endMs = this.env.nowMs + limitMs;
    for (;;) {
      const [verdict] = await this.commit(handle);
      if (verdict?.kind !== 'retryLater' || this.env.nowMs >= endMs) return verdict as Verdict;
      await this.env.advance(1_000);
    }
  }
}
