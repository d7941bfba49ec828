import { HdfsCommitter } from '../../../../connectors/hdfs/committer.ts';
import { Directories } from '../../../../connectors/hdfs/directories.ts';
import type { HdfsHandle } from '../../../../connectors/hdfs/handle.ts';
import type { CommitPermit, PendingHandle, Verdict } from '../../../../core/contract/sink.ts';
import type { HdfsModel } from '../../../../testing/hdfs/model.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { clientOn, newModel, ROOT, type SceneOptions, stagingOn } from './scene.ts';

const permit = { seq: 1, epoch: 1 } as CommitPermit;

export interface CommittingOptions extends Omit<SceneOptions, 'env'> {
  readonly model?: HdfsModel;
  readonly takenByReaders?: 'fail' | 'assume';
}

/** A committer in virtual time, and files to commit. */
export class Committing {
  readonly model: HdfsModel;
  readonly virtual = new VirtualEnv();
  readonly controller = new AbortController();
  readonly committer: HdfsCommitter;
  #files = 0;

  constructor({ model = newModel(), takenByReaders = 'fail', ...scene }: CommittingOptions = {}) {
    this.model = model;
    const { env } = this.virtual;
    const client = clientOn(model, { ...scene, env });
    this.committer = new HdfsCommitter({
      ...{ root: ROOT, client, takenByReaders, log: env.log },
      directories: new Directories(client),
    });
  }

  /** Stages a file by a client that nothing happens to. */
  async stage({ name = `file-${++this.#files}.ndjson`, text = '{"a":1}\n' } = {}): Promise<PendingHandle<HdfsHandle>> {
    const files = stagingOn(clientOn(this.model, { env: this.virtual.env }));
    await using file = await files.open({ directory: 't', name, covers: () => ({ 't/0': [0, 1] }) });
    await file.append([Buffer.from(text)]);
    return {
      ...{ id: name, sink: 'main', seq: 1, epoch: 1, kind: 'file', phase: 0, covers: { 't/0': [0, 1] } },
      payload: await file.close(),
    };
  }

  async stageMany(count: number): Promise<PendingHandle<HdfsHandle>[]> {
    const handles: PendingHandle<HdfsHandle>[] = [];
    while (handles.length < count) handles.push(await this.stage());
    return handles;
  }

  async commit(...handles: PendingHandle<HdfsHandle>[]): Promise<Verdict[]> {
    const { signal } = this.controller;
    return await this.virtual.run(this.committer.commit(handles, permit, { signal }));
  }

  /** What the queue does: again after a while, until it is settled. */
  async commitUntilSettled(handle: PendingHandle<HdfsHandle>, { limitMs = 600_000 } = {}): Promise<Verdict> {
    const endMs = this.virtual.nowMs + limitMs;
    for (;;) {
      const [verdict] = await this.commit(handle);
      if (verdict?.kind !== 'retryLater' || this.virtual.nowMs >= endMs) return verdict as Verdict;
      await this.virtual.advance(1_000);
    }
  }

  /** Puts something where a handle’s file is to go. */
  putAt(path: string, text: string): Promise<void> {
    return clientOn(this.model).create(path, Buffer.from(text), { overwrite: true });
  }

  /** What lies under a name. */
  textAt(path: string): string | undefined {
    const node = this.model.node(path);
    return node?.kind === 'file' ? node.bytes.toString() : node?.kind;
  }
}
