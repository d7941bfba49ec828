import { assert } from '../assert.ts';
import { checkContinuity } from '../checkpoint/protocol.ts';
import type { Env } from '../contract/env.ts';
import type { Source, SourceSession, Split } from '../contract/source.ts';
import { SluiceError } from '../errors.ts';
import type { SplitTable } from './split-table.ts';

export interface DiscoveryOptions {
  readonly source: Source;
  readonly session: SourceSession;
  readonly splits: SplitTable<unknown>;
  /** The cluster that the saved positions belong to. */
  readonly clusterId: string | null;
  readonly env: Env;
  readonly signal: AbortSignal;
}

/**
 * Splits that are not read yet, and where they begin: a parked one where it stopped, others as the source says. Throws
 * `dataLoss` when a known topic or the cluster is another one than before; finds nothing while the source is away.
 */
export async function findNewSplits(options: DiscoveryOptions): Promise<(Split & { position: unknown })[]> {
  const { source, session, splits, clusterId, signal } = options;
  const { version } = source.positions;
  try {
    const discovery = await session.discover({ signal });
    const known = splits.current();
    const identities = new Map(discovery.splits.map((split) => [split.id, split.identity]));
    const seen = known.map((split) => ({ ...split, topicId: identities.get(split.id) ?? split.topicId }));
    const found = { clusterId: discovery.clusterId, splits: seen };
    checkContinuity({ clusterId, splits: known }, found, source.positions, { before: version, now: version });

    const added = discovery.splits.filter((split) => !splits.has(split.id));
    const positions = new Map<string, unknown>();
    for (const { id } of added) {
      const parked = splits.parkedPosition(id, version);
      if (parked !== undefined) positions.set(id, parked);
    }
    const unknown = added.filter((split) => !positions.has(split.id));
    // A topic that appears under a pattern while we run is new, too: nothing in it may be skipped, whatever `start` says.
    const starts = unknown.length === 0 ? [] : await session.startPositions(unknown, 'found', { signal });
    assert(starts.length === unknown.length, 'a source gives one start position per split');
    for (const [i, { id }] of unknown.entries()) positions.set(id, starts[i]);
    return added.map((split) => ({ ...split, position: positions.get(split.id) }));
  } catch (error) {
    if (!(error instanceof SluiceError) || error.kind !== 'unavailable') throw error;
    // Looking for new splits can wait for the next time; it is not worth a restart.
    options.env.log.warn('looking for new partitions has to wait', { cause: error.message });
    return [];
  }
}
