import type { Source } from '../../core/spi.ts';
import type { Connect } from './broker-port.ts';
import { connectBySockets } from './connect.ts';
import { diagnoseSource } from './diagnosis.ts';
import { type KafkaPosition, kafkaPositions } from './positions.ts';
import { openSession } from './session.ts';
import type { KafkaSourceSettings } from './settings.ts';

export interface KafkaSourceOptions {
  /** Where relative paths in the settings begin. */
  baseDir: string;
  /** In place of connections over the network; what the settings say about TLS and SASL then means nothing. */
  connect?: Connect;
}

/** Kafka topics as a source, by settings that were parsed. */
export function kafkaSource(
  settings: KafkaSourceSettings,
  { baseDir, connect = connectBySockets(settings, baseDir) }: KafkaSourceOptions,
): Source<KafkaPosition> {
  const bounded = settings.stop !== undefined;
  return {
    type: 'kafka',
    bounded,
    // A bounded run reads what was there when it began.
    discoverIntervalMs: bounded ? undefined : settings.discovery,
    positions: kafkaPositions,
    open: (context) => openSession(settings, connect, context),
    diagnose: (context) => diagnoseSource(settings, connect, context),
  };
}
