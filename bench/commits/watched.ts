import type {
  CallOptions,
  Committer,
  PendingHandle,
  Sink,
  SinkSession,
  SinkWriter,
  Staged,
  Store,
  Verdict,
} from '../../core/spi.ts';

/** What is told of a sink at work. */
export interface SinkEvents<H> {
  /** A barrier has reached the writer. */
  cut(): void;
  /** All that came before the barrier is staged. */
  staged(staged: Staged<H>, cutMs: number): void;
  /** A durable slot names these handles. */
  durable(handles: readonly PendingHandle<H>[]): void;
  settled(handles: readonly PendingHandle<H>[], verdicts: readonly Verdict[]): void;
}

/** The sink itself, with somebody who listens. */
export function watchedSink<H>(sink: Sink<H>, on: SinkEvents<H>): Sink<H> {
  return {
    type: sink.type,
    identity: sink.identity,
    handles: sink.handles,
    rootStore: (env) => sink.rootStore(env),
    check: (context) => sink.check(context),
    open: async (context) => watchedSession(await sink.open(context), on),
  };
}

function watchedSession<H>(session: SinkSession<H>, on: SinkEvents<H>): SinkSession<H> {
  return {
    committer: watchedCommitter(session.committer, on),
    openWriter: async (events) => watchedWriter(await session.openWriter(events), on),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function watchedCommitter<H>(committer: Committer<H>, on: SinkEvents<H>): Committer<H> {
  return {
    commit: async (handles, permit, options) => {
      on.durable(handles);
      const verdicts = await committer.commit(handles, permit, options);
      on.settled(handles, verdicts);
      return verdicts;
    },
    abortOrphans: (scope, keep, options) => committer.abortOrphans(scope, keep, options),
  };
}

function watchedWriter<H>(writer: SinkWriter<H>, on: SinkEvents<H>): SinkWriter<H> {
  return {
    write: (frame, from) => writer.write(frame, from),
    ready: (options) => writer.ready(options),
    cut: async (barrier) => {
      const cutMs = performance.now();
      on.cut();
      const staged = await writer.cut(barrier);
      on.staged(staged, cutMs);
      return staged;
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

/** The store itself; `created` hears of every object that it has made. */
export function watchedStore(store: Store, created: () => void): Store {
  return {
    identity: store.identity,
    createIfAbsent: async (key: string, bytes: Uint8Array, options?: CallOptions) => {
      const result = await store.createIfAbsent(key, bytes, options);
      created();
      return result;
    },
    get: (key, options) => store.get(key, options),
    list: (prefix, startAfter, options) => store.list(prefix, startAfter, options),
    delete: (key, options) => store.delete(key, options),
  };
}
