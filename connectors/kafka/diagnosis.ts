import type { DiagnosisContext, Finding } from '../../core/spi.ts';
import { diagnoseRegistry } from '../schema-registry/diagnosis.ts';
import type { Connect } from './broker-port.ts';
import { Cluster } from './cluster.ts';
import { topicConfigsApi } from './config-requests.ts';
import { TopicDiscovery } from './discovery.ts';
import { CLEANUP, judgeRetention, RETENTION } from './retention.ts';
import { parseAddress } from './session.ts';
import type { KafkaSourceSettings } from './settings.ts';

/** Whether the schema registry answers, and how long the topics keep what was not read yet. */
export async function* diagnoseSource(
  settings: KafkaSourceSettings,
  connect: Connect,
  { env, signal }: DiagnosisContext,
): AsyncGenerator<Finding> {
  const registry = settings.value?.registry;
  if (registry !== undefined) yield* await diagnoseRegistry(registry, { env, signal });
  const brokers = await connect({ env });
  try {
    const cluster = new Cluster({ env, brokers, seeds: settings.brokers.map(parseAddress) });
    const { splits } = await new TopicDiscovery({ cluster, env, settings }).discover(signal);
    const topics = [...new Set(splits.map(({ group }) => group))];
    const configs = await cluster.persist(async () => {
      const [broker] = (await cluster.metadata(topics)).brokers;
      const request = { topics, names: [RETENTION, CLEANUP] };
      return broker === undefined ? [] : await cluster.call(broker.nodeId, topicConfigsApi, request);
    }, signal);
    yield* judgeRetention(configs);
  } finally {
    brokers.close();
  }
}
