import type { Connector, Source, SourceContext, SourceSession, Split } from '../../core/spi.ts';
import { type DatagenPosition, datagenPositions } from './positions.ts';
import { DatagenReader } from './reader.ts';
import { type DatagenInput, type DatagenSettings, datagenSettings } from './settings.ts';

export type { DatagenPosition } from './positions.ts';

/** The keys of `source` in YAML, without `type`. */
export type DatagenOptions = Omit<DatagenInput, 'type'>;

/** Generated records as the source of a pipeline. Throws what zod throws for settings that are wrong. */
export function datagen(options: DatagenOptions = {}): Source<DatagenPosition> {
  return datagenSource(datagenSettings.parse({ type: 'datagen', ...options }));
}

function datagenSource(settings: DatagenSettings): Source<DatagenPosition> {
  return {
    type: 'datagen',
    bounded: settings.count !== undefined,
    positions: datagenPositions,
    open: async (context) => openSession(settings, context),
  };
}

function openSession(settings: DatagenSettings, { env, memory }: SourceContext): SourceSession<DatagenPosition> {
  return {
    discover: async () => ({ clusterId: null, splits: splitsOf(settings) }),
    startPositions: async (splits) => splits.map(() => ({ offset: 0 })),
    openReader: () => new DatagenReader({ settings, env, memory }),
    // There is nothing to hang up on.
    [Symbol.asyncDispose]: async () => {},
  };
}

function splitsOf({ topic, partitions }: DatagenSettings): Split[] {
  return Array.from({ length: partitions }, (_, index) => ({
    id: `${topic}/${index}`,
    group: topic,
    index,
    identity: null,
  }));
}

export const connector: Connector = {
  type: 'datagen',
  source: { settings: datagenSettings, create: (settings) => datagenSource(settings as DatagenSettings) },
};
