import type { Frame } from '../../../core/contract/batch.ts';
import type { VersionedCodec } from '../../../core/contract/codec.ts';
import type { Env } from '../../../core/contract/env.ts';
import type {
  Barrier,
  CommitPermit,
  Committer,
  Covers,
  FinishedPart,
  Named,
  OrphanReport,
  OrphanScope,
  PendingHandle,
  Sink,
  SinkContext,
  SinkSession,
  SinkWriter,
  Staged,
  StagedHandle,
  Verdict,
  WriterEvents,
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

/** A part of one split that stays open: its first so many records are durable. */
export interface BoxState {
  readonly name: string;
  readonly covers: Covers;
  readonly records: number;
}

const boxStates: VersionedCodec<BoxState> = {
  version: 1,
  encode: ({ name, covers, records }) => ({
    ...{ name, records },
    covers: Object.fromEntries(Object.entries(covers).map(([split, [from, to]]) => [split, [from, to]])),
  }),
  decode: (_version, value) => value as unknown as BoxState,
};

export interface BoxOptions {
  readonly identity?: string;
  /** Records that the writer takes before it is full. */
  readonly roomRecords?: number;
  /** One part per split stays open across cuts, until `closeOpen` or the last cut. */
  readonly staysOpen?: boolean;
}

/**
 * An output in memory, staged and visible apart, and a two-phase sink for it. The box outlives incarnations, as a directory
 * does; a handle is one-shot: committing moves what is staged.
 */
export class Box implements Sink<BoxHandle, BoxState> {
  readonly type = 'box';
  readonly identity: string;
  readonly handles = boxHandles;
  readonly states: VersionedCodec<BoxState> | undefined;
  readonly root = new MemoryStore({ identity: 'box-root:' });
  /** What is durable and not visible, of parts that are open, too. */
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
  /** Called when a copy of an open part is staged. */
  onFinished: (state: BoxState) => void | Promise<void> = () => {};
  onClose: () => void | Promise<void> = () => {};
  /** Closes the newest writer's open parts outside of a cut. */
  closeOpen: () => void = () => {};
  roomRecords: number;

  constructor({ identity = 'box:a', roomRecords = Number.POSITIVE_INFINITY, staysOpen = false }: BoxOptions = {}) {
    this.identity = identity;
    this.roomRecords = roomRecords;
    this.states = staysOpen ? boxStates : undefined;
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

  async open({ epoch, lineage }: SinkContext): Promise<SinkSession<BoxHandle, BoxState>> {
    await this.onOpen();
    const prefix = `${lineage}-${epoch}`;
    let copies = 0;
    return {
      committer: new BoxCommitter(this),
      openWriter: async (events) => new BoxWriter(this, prefix, events),
      finishOpen: (states) => Promise.all(states.map((state) => this.#finish(state, `${prefix}-copy${copies++}`))),
      [Symbol.asyncDispose]: async () => {
        this.events.push('close');
        await this.onClose();
      },
    };
  }

  /** Copies what the state recorded, whatever was written behind that. */
  async #finish({ name, covers, records }: BoxState, copy: string): Promise<FinishedPart<BoxHandle>> {
    const values = this.staged.get(name)?.slice(0, records) ?? [];
    if (values.length < records) return { kind: 'lost', place: name, why: `it has ${values.length} records`, covers };
    this.staged.set(copy, values);
    await this.onFinished({ name, covers, records });
    return { kind: 'staged', handle: handleOf({ name: copy, values, covers }) };
  }
}

export class BoxCommitter implements Committer<BoxHandle, BoxState> {
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

  async abortOrphans({ epochBelow }: OrphanScope, keep: Named<BoxHandle, BoxState>): Promise<OrphanReport> {
    const named = new Set([...keep.handles.map(({ payload }) => payload.name), ...keep.open.map(({ name }) => name)]);
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

/** Records that go together, under one name. */
interface Part {
  readonly name: string;
  readonly values: string[];
  readonly covers: Covers;
}

class BoxWriter implements SinkWriter<BoxHandle, BoxState> {
  readonly #box: Box;
  readonly #prefix: string;
  readonly #events: WriterEvents;
  /** By split where parts stay open; else there is one for all. */
  readonly #open = new Map<string, Part>();
  #closed: Part[] = [];
  #parts = 0;
  #takenSinceCut = 0;
  #changed: () => void = () => {};

  constructor(box: Box, prefix: string, events: WriterEvents) {
    this.#box = box;
    this.#prefix = prefix;
    this.#events = events;
    box.closeOpen = () => {
      this.#close();
      this.#events.wantsCut();
    };
  }

  write(frame: Frame, from: number): number {
    let index = 0;
    for (const batch of frame.batches) {
      for (const { offset, value } of recordsOf(batch)) {
        if (index++ < from) continue;
        if (this.#takenSinceCut >= this.#box.roomRecords) return index - 1;
        const part = this.#partOf(batch.split);
        part.values.push(String(value));
        part.covers[batch.split] = [part.covers[batch.split]?.[0] ?? offset, offset + 1];
        this.#takenSinceCut++;
      }
    }
    return index;
  }

  /** There is room again once a cut has taken what was there. Rejects when called off, as a sink may. */
  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    this.#box.events.push('full');
    while (this.#takenSinceCut >= this.#box.roomRecords) {
      signal.throwIfAborted();
      const changed = Promise.withResolvers<void>();
      this.#changed = changed.resolve;
      signal.addEventListener('abort', () => changed.resolve(), { once: true });
      await changed.promise;
    }
  }

  async cut(barrier: Barrier): Promise<Staged<BoxHandle, BoxState>> {
    if (barrier.last || this.#box.states === undefined) this.#close();
    const closed = this.#closed;
    const open = [...this.#open.values()].map((part) => ({
      ...part,
      values: [...part.values],
      covers: { ...part.covers },
    }));
    this.#closed = [];
    this.#takenSinceCut = 0;
    this.#changed();
    this.#box.events.push(`cut ${barrier.number}${barrier.last ? ' last' : ''}`);
    await this.#box.onCut(barrier);
    for (const { name, values } of [...closed, ...open]) this.#box.staged.set(name, values);
    return {
      handles: closed.map(handleOf),
      open: open.map(({ name, values, covers }) => ({ name, covers, records: values.length })),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#box.events.push('close writer');
    await this.#box.onClose();
  }

  #partOf(split: string): Part {
    const key = this.#box.states === undefined ? '' : split;
    const part = this.#open.get(key) ?? { name: `${this.#prefix}-${++this.#parts}`, values: [], covers: {} };
    this.#open.set(key, part);
    return part;
  }

  #close(): void {
    this.#closed.push(...this.#open.values());
    this.#open.clear();
  }
}

function handleOf({ name, values, covers }: Part): StagedHandle<BoxHandle> {
  const bytes = values.join('').length;
  return { kind: 'crate', phase: 0, covers, records: values.length, bytes, payload: { name } };
}
