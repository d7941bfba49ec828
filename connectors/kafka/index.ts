import type { Connector, Source } from '../../core/spi.ts';
import { type KafkaPosition, kafkaPositions } from './positions.ts';
import { openSession } from './session.ts';
import { type KafkaSourceInput, type KafkaSourceSettings, kafkaSourceSettings } from './settings.ts';

export type { KafkaPosition } from './positions.ts';
export type { TokenProvider } from './settings.ts';

/** The keys of `source` in YAML, without `type`; in code `sasl` takes a `token` function too. */
export type KafkaOptions = Omit<KafkaSourceInput, 'type'>;

/** Kafka topics as the source of a pipeline. Throws what zod throws for settings that are wrong. */
export function kafka(options: KafkaOptions): Source<KafkaPosition> {
  return kafkaSource(kafkaSourceSettings.parse({ type: 'kafka', ...options }), process.cwd());
}

function kafkaSource(settings: KafkaSourceSettings, baseDir: string): Source<KafkaPosition> {
  const bounded = settings.stop !== undefined;
  return {
    type: 'kafka',
    bounded,
    // A bounded run reads what was there when it began.
    discoverIntervalMs: bounded ? undefined : settings.discovery,
    positions: kafkaPositions,
    open: (context) => openSession({ settings, baseDir }, context),
  };
}

export const connector: Connector = {
  type: 'kafka',
  source: {
    settings: kafkaSourceSettings,
    create: (settings, { baseDir }) => kafkaSource(settings as KafkaSourceSettings, baseDir),
  },
};
