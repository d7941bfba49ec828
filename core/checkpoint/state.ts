import type { Env } from '../contract/env.ts';
import type { Sink } from '../contract/sink.ts';
import type { Store } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';
import {
  type Layout,
  makeLayout,
  makeMarker,
  type OutputMarker,
  readLayout,
  readMarker,
  removeMarker,
} from './layout.ts';

export interface StateOptions {
  readonly pipeline: string;
  readonly store: Store;
  /** Where the output marker lives; undefined for a sink without a root. */
  readonly rootStore: Store | undefined;
  readonly sink: Pick<Sink, 'type' | 'identity'>;
  /** Makes the store prove its verbs; called once nothing is left to refuse, before anything is written. */
  readonly proveStore: () => Promise<void>;
  /** Where every split begins, asked only at the very first start. */
  readonly resolveStart: () => Promise<Layout['source']>;
  /** Files that the newest slot of this layout still names, staged or open; asked only when the checkpoints lie elsewhere than before. */
  readonly countPending: (layout: Layout) => Promise<number>;
  readonly newLineage: boolean;
  readonly env: Env;
  readonly signal: AbortSignal;
}

/**
 * Finds or makes what the pipeline is built on: read marker, read or make layout, make marker. A start that is refused has
 * written nothing. Two first starts at once end with one layout, and with private stores all but one are refused.
 */
export async function openState(options: StateOptions): Promise<Layout> {
  const { pipeline, store, rootStore, env, newLineage } = options;
  const call = { signal: options.signal };
  const marker = await rootStoreCall(rootStore, (root) => readMarker(root, pipeline, call));
  const known = await readLayout(store, pipeline, call);
  if (marker !== undefined && marker.lineage !== known?.lineage && !newLineage)
    throw foreignOutput(marker, known, options);
  const moved = known !== undefined && marker?.lineage === known.lineage && marker.store !== store.identity;
  if (moved && (await options.countPending(known)) > 0) throw storeMovedWithPending(marker, options);

  await options.proveStore();
  const layout = known ?? (await makeLayout(store, await firstLayout(options), call));
  if (rootStore === undefined) return layout;
  if (known !== undefined && marker === undefined) {
    env.log.warn('the output marker was missing and is made again', {
      output: options.sink.identity,
      lineage: layout.lineage,
    });
  }
  if (marker !== undefined && marker.lineage !== layout.lineage) {
    env.log.warn('this output is taken over from another lineage', { from: marker.lineage, to: layout.lineage });
    await removeMarker(rootStore, pipeline, call);
  }
  if (moved) {
    env.log.warn('the checkpoints have moved; never start with a copy that was left behind', {
      from: marker.store,
      to: store.identity,
    });
    await removeMarker(rootStore, pipeline, call);
  }
  const made = await makeMarker(rootStore, { pipeline, lineage: layout.lineage, store: store.identity }, call);
  if (made.lineage !== layout.lineage) throw foreignOutput(made, layout, options);
  return layout;
}

async function firstLayout({ pipeline, sink, resolveStart, env }: StateOptions): Promise<Layout> {
  return {
    pipeline,
    layout: 1,
    lineage: env.ids.hex(8),
    shards: 1,
    createdAt: env.clock.isoNow(),
    sink: { type: sink.type, identity: sink.identity },
    source: await resolveStart(),
  };
}

async function rootStoreCall<T>(root: Store | undefined, call: (root: Store) => Promise<T>): Promise<T | undefined> {
  return root === undefined ? undefined : await call(root);
}

/** A copy made while output was pending may be older than the store it was made of: its handles are history there. */
function storeMovedWithPending(marker: OutputMarker, { store, sink }: StateOptions): SluiceError {
  return new SluiceError('config', 'STORE_MOVED_WITH_PENDING', {
    message: `the checkpoints of ${sink.identity} were kept in ${marker.store} and are now looked for in ${store.identity}, where some output is not committed yet`,
    help: `Point checkpoints.store back at ${marker.store}, start once and stop with SIGTERM, which settles everything, and move the checkpoints then.`,
    details: { output: sink.identity, from: marker.store, to: store.identity },
  });
}

function foreignOutput(
  marker: OutputMarker,
  own: Layout | undefined,
  { pipeline, store, sink }: StateOptions,
): SluiceError {
  const ours =
    own === undefined
      ? `there is no checkpoint of "${pipeline}" in ${store.identity}`
      : `the checkpoints in ${store.identity} are of lineage ${own.lineage}`;
  return new SluiceError('config', 'OUTPUT_OF_ANOTHER_LINEAGE', {
    message: `${sink.identity} is written by "${pipeline}" of lineage ${marker.lineage}, which keeps its checkpoints in ${marker.store}; ${ours}`,
    help:
      'Starting here would write records a second time. Restore those checkpoints or point checkpoints.store at them, ' +
      'give this pipeline another name, or, if their output may be repeated, start once with --new-lineage.',
    details: { output: sink.identity, marker, lineage: own?.lineage, store: store.identity },
  });
}
