import { hostname } from 'node:os';
import { readLayout } from '../core/checkpoint/layout.ts';
import { CheckpointLog } from '../core/checkpoint/log.ts';
import { encodeSlot, type Slot } from '../core/checkpoint/slot.ts';
import type { Store } from '../core/contract/store.ts';
import { SluiceError } from '../core/errors.ts';
import { systemEnv } from '../core/runtime/system-env.ts';
import { loadPipelineFile } from './load.ts';

/** What can be seen of a pipeline's checkpoints, whether it runs or not. Reads only. */
export interface CheckpointAdmin {
  /** Every retained slot, oldest first. */
  list(): Promise<Slot[]>;
  /** The slot as it stands in the store; the newest one without a number. */
  show(seq?: number): Promise<string>;
}

/** Looks where the pipeline file keeps its checkpoints. Throws `config` when there are none. */
export async function openCheckpointAdmin(file: string): Promise<CheckpointAdmin> {
  const { options } = await loadPipelineFile(file);
  const env = systemEnv({ host: hostname() });
  const store = options.checkpoints.store ?? options.sink.rootStore(env);
  if (store === undefined) {
    throw new SluiceError('config', 'NO_CHECKPOINT_STORE', {
      message: `${file}: this sink keeps no checkpoints of its own`,
      help: 'Name the store in checkpoints.store.',
    });
  }
  const { signal } = new AbortController();
  const layout = await readLayout(store, options.name, { signal });
  if (layout === undefined) throw noCheckpoints(options.name, store);
  const log = new CheckpointLog(store, env, { pipeline: options.name, layout: layout.layout, shard: 0 });
  return {
    list: async () => (await log.readAll(0, { signal })).map(({ slot }) => slot),
    show: async (seq) => {
      const wanted = seq ?? (await log.list(0, { signal })).at(-1);
      const stored = wanted === undefined ? undefined : await log.read(wanted, { signal });
      if (stored !== undefined) return encodeSlot(stored.slot).toString('utf8');
      if (wanted === undefined) throw noCheckpoints(options.name, store);
      throw new SluiceError('config', 'NO_SUCH_CHECKPOINT', {
        message: `there is no checkpoint ${wanted} of ${options.name} in ${store.identity}`,
        help: 'sluice checkpoints list shows the ones there are.',
      });
    },
  };
}

function noCheckpoints(pipeline: string, store: Store): SluiceError {
  return new SluiceError('config', 'NO_CHECKPOINTS', {
    message: `there are no checkpoints of ${pipeline} in ${store.identity}`,
    help: 'They are made by the first run.',
  });
}
