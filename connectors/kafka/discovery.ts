import { type Discovery, type Env, SluiceError, type Split } from '../../core/spi.ts';
import type { Cluster } from './cluster.ts';
import { isPassing, KafkaCode, refusedByBroker } from './errors.ts';
import type { MetadataResponse, TopicMetadata } from './metadata-request.ts';
import { type KafkaSourceSettings, topicMatcher } from './settings.ts';

const WAIT_FOR_TOPIC_MS = 1_000;

type TopicSettings = Pick<KafkaSourceSettings, 'topics' | 'topicPattern' | 'waitForTopic' | 'onDeletedTopic'>;

/** Finds the partitions of the wanted topics, again and again in one session. */
export class TopicDiscovery {
  readonly #cluster: Cluster;
  readonly #env: Env;
  readonly #settings: TopicSettings;
  /** Topics found before: when one is gone, the reader decides what that means, not a later look. */
  readonly #known = new Set<string>();
  #looked = false;

  constructor({ cluster, env, settings }: { cluster: Cluster; env: Env; settings: TopicSettings }) {
    this.#cluster = cluster;
    this.#env = env;
    this.#settings = settings;
  }

  /** Throws `config` naming topics that do not exist, or waits for them when told so. */
  async discover(signal: AbortSignal | undefined): Promise<Discovery> {
    for (let said = false; ; said = true) {
      const found = await this.#look(signal);
      if (found.kind === 'found') {
        this.#looked = true;
        for (const { group } of found.splits) this.#known.add(group);
        return { clusterId: found.clusterId, splits: found.splits };
      }
      if (!this.#settings.waitForTopic) throw missingTopics(found.missing);
      if (!said) this.#env.log.warn(`Kafka: waiting for ${found.missing.join(', ')}, which does not exist yet`);
      await this.#env.timers.sleep(WAIT_FOR_TOPIC_MS, { signal });
      signal?.throwIfAborted();
    }
  }

  #look(signal: AbortSignal | undefined): Promise<Look> {
    const { topics, topicPattern } = this.#settings;
    return this.#cluster.persist(async () => {
      const metadata = await this.#cluster.metadata(topics ?? null);
      const wanted = topics ?? matching(metadata, topicMatcher(topicPattern as string));
      const look = readTopics(metadata, wanted);
      const missing = look.missing.filter((topic) => !this.#known.has(topic)).map((topic) => `topic ${topic}`);
      if (topics === undefined && look.splits.length === 0 && !this.#looked) {
        missing.push(`a topic matching ${topicPattern}`);
      }
      if (missing.length === 0) return { kind: 'found', ...look };
      // A topic that was deleted while nobody looked is the same as one that never was.
      if (this.#settings.onDeletedTopic === 'ignore' && look.splits.length > 0) {
        this.#env.log.warn(
          `Kafka: going on without ${missing.join(', ')}, which does not exist (onDeletedTopic: ignore)`,
        );
        return { kind: 'found', ...look };
      }
      return { kind: 'missing', missing };
    }, signal);
  }
}

type Look = { kind: 'found'; clusterId: string | null; splits: Split[] } | { kind: 'missing'; missing: string[] };

function matching(metadata: MetadataResponse, matcher: RegExp): string[] {
  return metadata.topics.filter(({ topic, internal }) => !internal && matcher.test(topic)).map(({ topic }) => topic);
}

/** The partitions of `wanted`, in the order of topics and partition numbers. */
function readTopics(
  metadata: MetadataResponse,
  wanted: readonly string[],
): { clusterId: string | null; splits: Split[]; missing: string[] } {
  const byName = new Map(metadata.topics.map((topic) => [topic.topic, topic]));
  const splits: Split[] = [];
  const missing: string[] = [];
  for (const name of [...new Set(wanted)].sort()) {
    const topic = byName.get(name);
    if (topic === undefined || topic.errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) missing.push(name);
    else splits.push(...splitsOf(topic));
  }
  return { clusterId: metadata.clusterId, splits, missing };
}

function splitsOf({ topic, topicId, errorCode, partitions }: TopicMetadata): Split[] {
  // A partition without a leader exists all the same; its topic then has no error of its own.
  if (errorCode !== 0 && !(isPassing(errorCode) && partitions.length > 0)) {
    throw refusedByBroker(errorCode, { operation: 'Describe', resource: `topic ${topic}` });
  }
  return partitions
    .map(({ partition }) => ({ id: `${topic}/${partition}`, group: topic, index: partition, identity: topicId }))
    .sort((a, b) => a.index - b.index);
}

function missingTopics(missing: readonly string[]): SluiceError {
  return new SluiceError('config', 'KAFKA_TOPIC_MISSING', {
    message: `Kafka: ${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not exist`,
    help: 'Check the spelling in source.topics, create the topic, or set source.waitForTopic: true. A user without the permission Describe sees this too.',
    details: { missing },
  });
}
