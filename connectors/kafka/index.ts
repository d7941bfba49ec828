import type { Connector, Source } from '../../core/spi.ts';
import { type KafkaPosition, kafkaPositions } from './positions.ts';
import type { TokenProvider } from './security.ts';
import { openSession } from './session.ts';
import { type KafkaSourceInput, type KafkaSourceSettings, kafkaSourceSettings } from './settings.ts';

export type { KafkaPosition } from './positions.ts';
export type { TokenProvider } from './security.ts';

type SaslInput = KafkaSourceInput['sasl'] | { mechanism: 'oauthbearer'; token: TokenProvider };

/** The keys of `source` in YAML, without `type`; `sasl` takes a `token` function too. */
export type KafkaOptions = Omit<KafkaSourceInput, 'type' | 'sasl'> & { sasl?: SaslInput };

/** Kafka topics as the source of a pipeline. Throws what zod throws for settings that are wrong. */
export function kafka({ sasl, ...rest }: KafkaOptions): Source<KafkaPosition> {
  const token = sasl !== undefined && 'token' in sasl ? sasl.token : undefined;
  const settings = kafkaSourceSettings.parse({
    type: 'kafka',
    ...rest,
    ...(token === undefined && sasl ? { sasl } : {}),
  });
  return kafkaSource(settings, { token, baseDir: process.cwd() });
}

function kafkaSource(
  settings: KafkaSourceSettings,
  { token, baseDir }: { token: TokenProvider | undefined; baseDir: string },
): Source<KafkaPosition> {
  const bounded = settings.stop !== undefined;
  return {
    type: 'kafka',
    bounded,
    // A bounded run reads what was there when it began.
    discoverIntervalMs: bounded ? undefined : settings.discovery,
    positions: kafkaPositions,
    open: (context) => openSession({ settings, token, baseDir }, context),
  };
}

export const connector: Connector = {
  type: 'kafka',
  source: {
    settings: kafkaSourceSettings,
    create: (settings, { baseDir }) => kafkaSource(settings as KafkaSourceSettings, { token: undefined, baseDir }),
  },
};
