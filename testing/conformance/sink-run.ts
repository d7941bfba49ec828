import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  CommitPermit,
  Named,
  OrphanListing,
  Owner,
  PendingHandle,
  Sink,
  SinkSession,
  SinkWriter,
  StagedHandle,
  Verdict,
} from '../../core/contract/sink.ts';
import { SharedMemoryBudget } from '../../core/runtime/memory-budget.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';
import { type BatchSpec, frameOf, type TestFrame } from '../frames.ts';

export const OWNER: Owner = { pipeline: 'conformance', lineage: '0123456789abcdef', layout: 1, shard: 0 };

const SETTLE_MS_MAX = 10_000;
const ASK_AGAIN_MS = 50;

/** What the coordinator gives once handles are in a durable slot; here every handle is taken to be in one. */
const permit = { seq: 1, epoch: 1 } as CommitPermit;

/** One incarnation of a sink without an engine: writes, cuts and commits what it is told to. */
export class SinkRun<H> implements AsyncDisposable {
  readonly epoch: number;
  readonly session: SinkSession<H>;
  readonly writer: SinkWriter<H>;
  readonly #sink: Sink<H>;
  readonly #owner: Owner;
  readonly #controller: AbortController;
  #cuts = 0;

  private constructor(
    sink: Sink<H>,
    owner: Owner,
    epoch: number,
    parts: { session: SinkSession<H>; writer: SinkWriter<H>; controller: AbortController },
  ) {
    this.#sink = sink;
    this.#owner = owner;
    this.epoch = epoch;
    this.session = parts.session;
    this.writer = parts.writer;
    this.#controller = parts.controller;
  }

  static async start<H>(sink: Sink<H>, { epoch = 1, owner = OWNER }: { epoch?: number; owner?: Owner } = {}) {
    const env = systemEnv();
    const controller = new AbortController();
    const memory = new SharedMemoryBudget(64 * 1024 * 1024, env);
    await sink.check({ env, signal: controller.signal });
    const session = await sink.open({ ...owner, env, epoch, memory, signal: controller.signal });
    const writer = await session.openWriter({ wantsCut: () => {} });
    return new SinkRun(sink, owner, epoch, { session, writer, controller });
  }

  /** Writes whole frames as the task does: waiting whenever the writer is full, and letting go of its own reference. */
  async write(...specs: BatchSpec[]): Promise<TestFrame> {
    const frame = frameOf(specs);
    for (let taken = 0; taken < frame.count; ) {
      taken = this.writer.write(frame, taken);
      if (taken < frame.count) await this.writer.ready({ signal: this.#controller.signal });
    }
    frame.release();
    return frame;
  }

  /** Begins a cut at once; its handles come back as a slot would give them. */
  async cut(): Promise<PendingHandle<H>[]> {
    return [...(await this.barrier()).handles];
  }

  /** The same with the parts that stay open. */
  async barrier({ last = false } = {}): Promise<Named<H>> {
    const number = ++this.#cuts;
    const { handles, open = [] } = await this.writer.cut({ number, last });
    return { handles: this.#named(handles, number), open: open.map((part) => openThroughSlot(this.#sink, part)) };
  }

  /** Ends what an earlier incarnation had open, as the engine does before it opens a writer. */
  async finishOpen(open: readonly unknown[]): Promise<PendingHandle<H>[]> {
    const finished = (await this.session.finishOpen?.(open)) ?? [];
    assert.equal(finished.length, open.length, 'one verdict per open part');
    const handles = finished.map((part) => (part.kind === 'staged' ? part.handle : assert.fail(part.why)));
    return this.#named(handles, ++this.#cuts);
  }

  #named(handles: readonly StagedHandle<H>[], number: number): PendingHandle<H>[] {
    return handles.map(({ kind, phase, covers, payload }, index) => ({
      id: `${this.epoch}-${number}-${index}`,
      sink: 'main',
      seq: number,
      epoch: this.epoch,
      kind,
      phase,
      covers,
      payload: throughSlot(this.#sink, payload),
    }));
  }

  /** As the engine does: what the committer puts off is asked for again, here for ten seconds at most. */
  async commit(handles: readonly PendingHandle<H>[]): Promise<Verdict[]> {
    const { signal } = this.#controller;
    const endMs = performance.now() + SETTLE_MS_MAX;
    const verdicts = await this.session.committer.commit(handles, permit, { signal });
    for (;;) {
      const open = [...verdicts.keys()].filter((index) => verdicts[index]?.kind === 'retryLater');
      if (open.length === 0 || performance.now() >= endMs) return verdicts;
      await sleep(ASK_AGAIN_MS, undefined, { signal });
      const again = open.map((index) => handles[index] as PendingHandle<H>);
      for (const [i, verdict] of (await this.session.committer.commit(again, permit, { signal })).entries()) {
        verdicts[open[i] as number] = verdict;
      }
    }
  }

  /** Aborts what incarnations below this one staged and `keep` does not name. */
  abortOrphans(keep: readonly PendingHandle<H>[] = [], open: readonly unknown[] = []) {
    const scope = { ...this.#owner, epochBelow: this.epoch };
    return this.session.committer.abortOrphans(scope, { handles: keep, open }, { signal: this.#controller.signal });
  }

  /** What `abortOrphans` would abort. */
  async listOrphans(keep: readonly PendingHandle<H>[] = []): Promise<OrphanListing> {
    const scope = { ...this.#owner, epochBelow: this.epoch };
    const { signal } = this.#controller;
    const listing = await this.#sink.listOrphans?.(scope, { handles: keep, open: [] }, { env: systemEnv(), signal });
    assert.ok(listing, 'a sink that lists its orphans');
    return listing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error('the run is over'));
    await this.writer[Symbol.asyncDispose]();
    await this.session[Symbol.asyncDispose]();
  }
}

function throughSlot<H>({ handles }: Sink<H>, payload: H): H {
  return handles.decode(handles.version, JSON.parse(JSON.stringify(handles.encode(payload))));
}

function openThroughSlot<H>({ states }: Sink<H>, part: unknown): unknown {
  assert.ok(states, 'a sink with parts that stay open says how slots keep them');
  return states.decode(states.version, JSON.parse(JSON.stringify(states.encode(part))));
}
