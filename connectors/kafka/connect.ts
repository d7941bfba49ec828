import type { Connect } from './broker-port.ts';
import { selfTest } from './kafkajs.ts';
import { saslCredentials, tlsOptions } from './security.ts';
import type { KafkaSourceSettings } from './settings.ts';
import { Transport } from './transport.ts';

/** Connections over the network, as the settings say. Nothing is opened before the first request. */
export function connectBySockets(
  { clientId, ssl, sasl }: Pick<KafkaSourceSettings, 'clientId' | 'ssl' | 'sasl'>,
  baseDir: string,
): Connect {
  return async ({ env }) => {
    selfTest();
    return new Transport({
      env,
      clientId,
      tls: await tlsOptions(ssl, baseDir),
      sasl: saslCredentials(sasl, baseDir),
    });
  };
}
