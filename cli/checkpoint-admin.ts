import { hostname } from 'node:os';
import { readLayout } from '../core/checkpoint/layout.ts';
import { CheckpointLog } from '../core/checkpoint/log.ts';
import { type Resolution, type ResolveChoice, resolveLost } from '../core/checkpoint/resolve.ts';
import { encodeSlot, type Slot } from '../core/checkpoint/slot.ts';
import type { PipelineFileOptions } from '../core/config/parse.ts';
import type { Env } from '../core/contract/env.ts';
import type { Owner } from '../core/contract/sink.ts';
import type { Store } from '../core/contract/store.ts';
import { SluiceError } from '../core/errors.ts';
import { storeOf } from '../core/runtime/incarnation.ts';
import { SharedMemoryBudget } from '../core/runtime/memory-budget.ts';
import { pipelineOptions } from '../core/runtime/settings.ts';
import { systemEnv } from '../core/runtime/system-env.ts';

/** A store that does not answer for so long is not waited for any longer. */
const RESOLVE_WITHIN_MS = 60_000;

/** What an operator can see of a pipeline's checkpoints, whether it runs or not, and the one thing that can be done. */
export interface CheckpointAdmin {
  /** Every retained slot, oldest first. */
  list(): Promise<Slot[]>;
  /** The slot as it stands in the store; the newest one without a number. */
  show(seq?: number): Promise<string>;
  /** Decides about commits that were lost. Takes the pipeline over: an instance that runs stops. */
  resolve(choice: ResolveChoice, reason: string): Promise<Resolution>;
}

/** A pipeline's log, opened without a claim: to look at. */
export interface CheckpointPlace {
  readonly store: Store;
  readonly log: CheckpointLog;
  readonly owner: Owner;
  readonly env: Env;
  readonly signal: AbortSignal;
}

/** Looks where the pipeline keeps its checkpoints. Throws `config` when there are none. */
export async function openCheckpoints(
  { name, sink, checkpoints }: PipelineFileOptions,
  env: Env = systemEnv({ host: hostname() }),
): Promise<CheckpointPlace> {
  const store = storeOf({ name, sink, store: checkpoints.store }, env);
  const { signal } = new AbortController();
  const known = await readLayout(store, name, { signal });
  if (known === undefined) throw noCheckpoints(name, store);
  const { lineage, layout } = known;
  const owner = { pipeline: name, lineage, layout, shard: 0 };
  return { store, log: new CheckpointLog(store, env, owner), owner, env, signal };
}

export async function openCheckpointAdmin(options: PipelineFileOptions): Promise<CheckpointAdmin> {
  const { name, source, sink } = options;
  const { store, log, env, signal } = await openCheckpoints(options);
  return {
    list: async () => (await log.readAll(0, { signal })).map(({ slot }) => slot),
    show: async (seq) => {
      const wanted = seq ?? (await log.list(0, { signal })).at(-1);
      const stored = wanted === undefined ? undefined : await log.read(wanted, { signal });
      if (stored !== undefined) return encodeSlot(stored.slot).toString('utf8');
      if (wanted === undefined) throw noCheckpoints(name, store);
      throw new SluiceError('config', 'NO_SUCH_CHECKPOINT', {
        message: `there is no checkpoint ${wanted} of ${name} in ${store.identity}`,
        help: 'sluice checkpoints list shows the ones there are.',
      });
    },
    resolve: (choice, reason) => {
      const memory = new SharedMemoryBudget(pipelineOptions.parse(options).memory, env);
      const call = { signal, deadlineMs: env.clock.monotonicMs() + RESOLVE_WITHIN_MS };
      return resolveLost({ log, sink, positions: source.positions, memory, choice, reason, by: operator(), env }, call);
    },
  };
}

function noCheckpoints(pipeline: string, store: Store): SluiceError {
  return new SluiceError('config', 'NO_CHECKPOINTS', {
    message: `there are no checkpoints of ${pipeline} in ${store.identity}`,
    help: 'They are made by the first run.',
  });
}

/** Who decides, for the log. A container may run as a user without a name. */
function operator(): string {
  const user = process.env.SUDO_USER ?? process.env.USER ?? process.env.LOGNAME ?? `uid ${process.getuid?.()}`;
  return `${user}@${hostname()}`;
}
