import type { Frame } from '../../../core/contract/batch.ts';
import type { VersionedCodec } from '../../../core/contract/codec.ts';
import type { Env } from '../../../core/contract/env.ts';
import type {
  Barrier,
  CommitPermit,
  Committer,
  Covers,
  Named,
  OrphanReport,
  OrphanScope,
  PendingHandle,
  Sink,
  SinkContext,
  SinkSession,
  SinkWriter,
  Staged,
  Verdict,
} from '../../../core/contract/sink.ts';
import type { Store } from '../../../core/contract/store.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { recordsOf } from '../../../testing/records.ts';

/** Names one staged thing. */
export interface BoxHandle {
  readonly name: string;
}

const boxHandles: VersionedCodec<BoxHandle> = {
  version: 1,
  encode: ({ name }) => ({ name }),
  decode: (_version, value) => value as unknown as BoxHandle,
};

export interface BoxOptions {
  readonly identity?: string;
  /** Records that the writer takes before it is full. */
  readonly roomRecords?: number;
}

/**
 * An output in memory, staged and visible apart, and a two-phase sink for it. The box outlives incarnations, as a directory
 * does; a handle is one-shot: committing moves what is staged.
 */
export class Box implements Sink<BoxHandle> {
  readonly type = 'box';
  readonly identity: string;
  readonly handles = boxHandles;
  readonly root = new MemoryStore({ identity: 'box-root:' });
  readonly staged = new Map<string, string[]>();
  readonly visible = new Map<string, string[]>();
  readonly aborted: string[] = [];
  /** What happened, in order: `commit <name> by slot <seq>`, `cut 1`, `close`. */
  readonly events: string[] = [];
  /** Called before the effect; may throw, wait, or answer instead. */
  onCommit: (handle: PendingHandle<BoxHandle>) => Promise<Verdict | undefined> | Verdict | undefined = () => undefined;
  onCut: (barrier: Barrier) => void | Promise<void> = () => {};
  onOpen: () => void | Promise<void> = () => {};
  onCheck: () => void | Promise<void> = () => {};
  onClose: () => void | Promise<void> = () => {};
  roomRecords: number;

  constructor({ identity = 'box:a', roomRecords = Number.POSITIVE_INFINITY }: BoxOptions = {}) {
    this.identity = identity;
    this.roomRecords = roomRecords;
  }

  /** Every visible record, as a reader that lists sees them. */
  get records(): string[] {
    return [...this.visible.values()].flat().sort();
  }

  rootStore(_env: Env): Store {
    return this.root;
  }

  async check(): Promise<void> {
    await this.onCheck();
  }

  async open({ epoch, lineage }: SinkContext): Promise<SinkSession<BoxHandle>> {
    await this.onOpen();
    return {
      committer: new BoxCommitter(this),
      openWriter: async () => new BoxWriter(this, `${lineage}-${epoch}`),
      [Symbol.asyncDispose]: async () => {
        this.events.push('close');
        await this.onClose();
      },
    };
  }
}

export class BoxCommitter implements Committer<BoxHandle> {
  readonly #box: Box;

  constructor(box: Box) {
    this.#box = box;
  }

  async commit(handles: readonly PendingHandle<BoxHandle>[], permit: CommitPermit): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    for (const handle of handles) {
      const instead = await this.#box.onCommit(handle);
      this.#box.events.push(`commit ${handle.payload.name} by slot ${permit.seq}`);
      verdicts.push(instead ?? this.#commit(handle.payload.name));
    }
    return verdicts;
  }

  async abortOrphans({ epochBelow }: OrphanScope, keep: Named<BoxHandle>): Promise<OrphanReport> {
    const named = new Set(keep.handles.map(({ payload }) => payload.name));
    const orphans = [...this.#box.staged.keys()].filter(
      (name) => !named.has(name) && Number(name.split('-')[1]) < epochBelow,
    );
    for (const name of orphans) this.#box.staged.delete(name);
    this.#box.aborted.push(...orphans);
    return { aborted: orphans, kept: this.#box.staged.size };
  }

  #commit(name: string): Verdict {
    const values = this.#box.staged.get(name);
    if (values === undefined) {
      return this.#box.visible.has(name)
        ? { kind: 'alreadyCommitted' }
        : { kind: 'lost', why: `${name} is neither staged nor visible` };
    }
    this.#box.staged.delete(name);
    this.#box.visible.set(name, values);
    return { kind: 'committed' };
  }
}

class BoxWriter implements SinkWriter<BoxHandle> {
  readonly #box: Box;
  readonly #prefix: string;
  #values: string[] = [];
  #covers: Covers = {};
  #changed: () => void = () => {};

  constructor(box: Box, prefix: string) {
    this.#box = box;
    this.#prefix = prefix;
  }

  write(frame: Frame, from: number): number {
    let index = 0;
    for (const batch of frame.batches) {
      for (const { offset, value } of recordsOf(batch)) {
        if (index++ < from) continue;
        if (this.#values.length >= this.#box.roomRecords) return index - 1;
        this.#values.push(String(value));
        this.#covers[batch.split] = [this.#covers[batch.split]?.[0] ?? offset, offset + 1];
      }
    }
    return index;
  }

  /** There is room again once a cut has taken what was there. Rejects when called off, as a sink may. */
  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    this.#box.events.push('full');
    while (this.#values.length >= this.#box.roomRecords) {
      signal.throwIfAborted();
      const changed = Promise.withResolvers<void>();
      this.#changed = changed.resolve;
      signal.addEventListener('abort', () => changed.resolve(), { once: true });
      await changed.promise;
    }
  }

  async cut(barrier: Barrier): Promise<Staged<BoxHandle>> {
    const [values, covers] = [this.#values, this.#covers];
    [this.#values, this.#covers] = [[], {}];
    this.#changed();
    this.#box.events.push(`cut ${barrier.number}${barrier.last ? ' last' : ''}`);
    await this.#box.onCut(barrier);
    if (values.length === 0) return { handles: [] };
    const name = `${this.#prefix}-${barrier.number}`;
    this.#box.staged.set(name, values);
    const bytes = values.join('').length;
    return {
      handles: [{ kind: 'crate', phase: 0, covers, records: values.length, bytes, payload: { name } }],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#box.events.push('close writer');
    await this.#box.onClose();
  }
}
