import type { Discovery, SourceContext, SourceSession, Split, SplitReader } from '../../core/spi.ts';
import { ValueDecoding } from '../schema-registry/value-decoding.ts';
import type { BrokerPort, Connect } from './broker-port.ts';
import { Cluster } from './cluster.ts';
import type { BrokerAddress } from './connection-errors.ts';
import { TopicDiscovery } from './discovery.ts';
import type { KafkaPosition } from './positions.ts';
import { OffsetPublisher } from './publish.ts';
import { KafkaReader } from './reader.ts';
import type { KafkaSourceSettings } from './settings.ts';
import { startPositions } from './start.ts';

/** Connects to the cluster. Throws `unavailable` when no broker answers within 5 s, `config` for wrong credentials. */
export async function openSession(
  settings: KafkaSourceSettings,
  connect: Connect,
  context: SourceContext,
): Promise<KafkaSession> {
  const brokers = await connect(context);
  const cluster = new Cluster({ env: context.env, brokers, seeds: settings.brokers.map(parseAddress) });
  try {
    await cluster.persist(() => cluster.metadata([]), context.signal);
  } catch (error) {
    brokers.close();
    throw error;
  }
  return new KafkaSession(settings, context, brokers, cluster);
}

class KafkaSession implements SourceSession<KafkaPosition> {
  readonly #settings: KafkaSourceSettings;
  readonly #context: SourceContext;
  readonly #brokers: BrokerPort;
  readonly #cluster: Cluster;
  readonly #discovery: TopicDiscovery;
  readonly #decoding: ValueDecoding | undefined;

  constructor(settings: KafkaSourceSettings, context: SourceContext, brokers: BrokerPort, cluster: Cluster) {
    this.#settings = settings;
    this.#context = context;
    this.#brokers = brokers;
    this.#cluster = cluster;
    this.#discovery = new TopicDiscovery({ cluster, env: context.env, settings });
    this.#decoding = settings.value === undefined ? undefined : new ValueDecoding(settings.value, context);
  }

  discover({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<Discovery> {
    return this.#discovery.discover(this.#either(signal));
  }

  startPositions(
    splits: readonly Split[],
    why: 'first' | 'found',
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<KafkaPosition[]> {
    return startPositions(splits, why, {
      cluster: this.#cluster,
      start: this.#settings.start,
      readCommitted: this.#settings.isolation === 'read_committed',
      signal: this.#either(signal),
    });
  }

  openReader(): SplitReader<KafkaPosition> {
    const { env, memory, signal, pipeline } = this.#context;
    const settings = this.#settings;
    const cluster = this.#cluster;
    const group = settings.publishGroup ?? `sluice.${pipeline}`;
    const publisher = settings.publishOffsets ? new OffsetPublisher({ cluster, env, group }) : undefined;
    const reader = new KafkaReader({ env, cluster, memory, settings, publisher, signal });
    return this.#decoding?.decoded(reader) ?? reader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#brokers.close();
    await this.#decoding?.[Symbol.asyncDispose]();
  }

  #either(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#context.signal : AbortSignal.any([signal, this.#context.signal]);
  }
}

/** `host:port`, the host of an IPv6 address in brackets. */
export function parseAddress(text: string): BrokerAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}
