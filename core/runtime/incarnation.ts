import type { Layout } from '../checkpoint/layout.ts';
import { CheckpointLog } from '../checkpoint/log.ts';
import type { OwnClaims } from '../checkpoint/own-claims.ts';
import { probeStore } from '../checkpoint/probe.ts';
import { claimShard, resolvePositions } from '../checkpoint/restore.ts';
import { openState } from '../checkpoint/state.ts';
import type { Env } from '../contract/env.ts';
import type { Sink } from '../contract/sink.ts';
import type { Discovery, SourceSession } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';
import { SluiceError, toSluiceError } from '../errors.ts';
import { closeAll } from './close.ts';
import { SharedMemoryBudget } from './memory-budget.ts';
import type { PipelineSettings } from './settings.ts';
import { type ShardOutcome, ShardTask } from './shard-task.ts';

/** How long a start looks for the outcome of its own claim. */
const CLAIM_TIMEOUT_MS = 60_000;
const SHARD = 0;

export interface IncarnationOptions {
  readonly settings: PipelineSettings;
  readonly configHash: string;
  readonly newLineage: boolean;
  /** Of all incarnations of this process. */
  readonly ownClaims: OwnClaims;
  readonly env: Env;
  readonly stop: AbortSignal;
}

/** One run from connecting to the end, whatever the end is; every restart is a new one with a new claim. */
export class Incarnation {
  readonly #options: IncarnationOptions;
  #task: ShardTask | undefined;

  constructor(options: IncarnationOptions) {
    this.#options = options;
  }

  get madeCheckpoint(): boolean {
    return this.#task?.madeCheckpoint ?? false;
  }

  async run(): Promise<ShardOutcome> {
    const { stop } = this.#options;
    const incarnation = new AbortController();
    // Until the claim nothing is owned, so a stop calls everything off; after it a stop goes through a final checkpoint.
    let calledOff = false;
    const callOff = () => {
      calledOff = true;
      incarnation.abort();
    };
    if (stop.aborted) callOff();
    stop.addEventListener('abort', callOff);
    try {
      return await this.#run(incarnation, () => stop.removeEventListener('abort', callOff));
    } catch (error) {
      throw calledOff ? stoppedBeforeStart(this.#options.settings.name, error) : error;
    } finally {
      stop.removeEventListener('abort', callOff);
      incarnation.abort();
    }
  }

  async #run(incarnation: AbortController, claimed: () => void): Promise<ShardOutcome> {
    const { settings, env, stop } = this.#options;
    const { signal } = incarnation;
    signal.throwIfAborted();
    const memory = new SharedMemoryBudget(settings.memory, env);
    await settings.sink.check({ env, signal });
    const session = await settings.source.open({ env, pipeline: settings.name, memory, signal });
    try {
      const discovery = await session.discover({ signal });
      const store = storeOf({ ...settings, store: settings.checkpoints.store }, env);
      const layout = await this.#openState(store, session, discovery, signal);
      const log = this.#logOf(store, layout);
      const claim = await claimShard(
        {
          log,
          layout,
          shard: SHARD,
          source: { type: settings.source.type, codec: settings.source.positions, session },
          discovery,
          sink: settings.sink,
          configHash: this.#options.configHash,
          ownClaims: this.#options.ownClaims,
          env,
        },
        { signal, deadlineMs: env.clock.monotonicMs() + CLAIM_TIMEOUT_MS },
      );
      signal.throwIfAborted();
      claimed();
      env.metrics.set('epoch', claim.epoch);
      env.log.info('this instance owns the pipeline', { epoch: claim.epoch, splits: claim.assigned.length });
      const owner = { pipeline: settings.name, lineage: layout.lineage, layout: layout.layout, shard: SHARD };
      const { checkpoints, source, sink, shutdownTimeout } = settings;
      const shutdownTimeoutMs = shutdownTimeout;
      this.#task = new ShardTask({
        ...{
          env,
          owner,
          source,
          sourceSession: session,
          sink,
          log,
          claim,
          memory,
          checkpoints,
          shutdownTimeoutMs,
          stop,
          incarnation,
        },
      });
      return await this.#task.run();
    } finally {
      incarnation.abort();
      await closeAll([session], env);
    }
  }

  async #openState(store: Store, session: SourceSession, discovery: Discovery, signal: AbortSignal): Promise<Layout> {
    const { settings, env, newLineage } = this.#options;
    return await openState({
      pipeline: settings.name,
      store,
      rootStore: settings.sink.rootStore(env),
      sink: settings.sink,
      proveStore: () => probeStore(store, settings.name, env, { signal }),
      resolveStart: async () => {
        const { source } = settings;
        const positions = new Map<string, unknown>();
        await resolvePositions(session, discovery.splits, new Set(), positions, signal);
        return {
          type: source.type,
          clusterId: discovery.clusterId,
          version: source.positions.version,
          splits: discovery.splits.map(({ id, group, identity }) => ({
            ...{ id, group, topicId: identity },
            position: source.positions.encode(positions.get(id)),
          })),
        };
      },
      countPending: async (layout) => {
        const log = this.#logOf(store, layout);
        const newest = (await log.list(0, { signal })).at(-1);
        const stored = newest === undefined ? undefined : await log.read(newest, { signal });
        return stored === undefined ? 0 : stored.slot.pending.length + stored.slot.sinks.main.state.length;
      },
      newLineage,
      env,
      signal,
    });
  }

  #logOf(store: Store, { layout }: Layout): CheckpointLog {
    const { settings, env } = this.#options;
    return new CheckpointLog(store, env, { pipeline: settings.name, layout, shard: SHARD });
  }
}

/** A real finding stands; that calls were called off is no finding. */
function stoppedBeforeStart(name: string, cause: unknown): unknown {
  const { kind } = toSluiceError(cause);
  if (kind === 'config' || kind === 'fenced' || kind === 'dataLoss') return cause;
  return new SluiceError('unavailable', 'STOPPED_BEFORE_START', {
    message: `${name} was stopped before it had started`,
    help: 'Nothing was read. What an earlier run may have left to commit is committed by the next start.',
    cause,
  });
}

/** The configured checkpoint store, or `_sluice/` under the sink's root. */
export function storeOf(
  { name, sink, store: configured }: { name: string; sink: Sink; store: Store | undefined },
  env: Env,
): Store {
  const store = configured ?? sink.rootStore(env);
  if (store !== undefined) return store;
  throw new SluiceError('config', 'NO_CHECKPOINT_STORE', {
    message: `${name}: a ${sink.type} sink has no place of its own for checkpoints`,
    help: 'Say where they go: checkpoints.store: { type: file, path: ./.sluice }',
  });
}
