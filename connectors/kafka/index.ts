import type { Connector, Source } from '../../core/spi.ts';
import type { KafkaPosition } from './positions.ts';
import { type KafkaSourceInput, type KafkaSourceSettings, kafkaSourceSettings } from './settings.ts';
import { kafkaSource } from './source.ts';

export type { KafkaPosition } from './positions.ts';
export type { TokenProvider } from './settings.ts';

/** The keys of `source` in YAML, without `type`; in code `sasl` takes a `token` function too. */
export type KafkaOptions = Omit<KafkaSourceInput, 'type'>;

/** Kafka topics as the source of a pipeline. Throws what zod throws for settings that are wrong. */
export function kafka(options: KafkaOptions): Source<KafkaPosition> {
  return kafkaSource(kafkaSourceSettings.parse({ type: 'kafka', ...options }), { baseDir: process.cwd() });
}

export const connector: Connector = {
  type: 'kafka',
  source: {
    settings: kafkaSourceSettings,
    create: (settings, { baseDir }) => kafkaSource(settings as KafkaSourceSettings, { baseDir }),
  },
};
