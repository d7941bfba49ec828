import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Admin, ITopicConfig } from 'kafkajs';
import { type Broker, type BrokerOptions, kafkaClient, NoBroker, startBroker } from './broker.ts';
import { readDockerProblem, startKafkaContainer } from './docker.ts';
import { waitFor } from './wait.ts';

/** A broker shared by whoever asks. `stop` ends it only when it was started here. */
export interface FoundKafka {
  brokers: string;
  /** Where it came from, as one phrase. */
  how: string;
  stop(): Promise<void>;
}

export type KafkaSearch = ({ kind: 'found' } & FoundKafka) | { kind: 'none'; why: string };

/** Finds a broker (SLUICE_TEST_KAFKA), or starts one: in Docker, else as a JVM from the jars of pom.xml. */
export async function findKafka(say: (line: string) => void): Promise<KafkaSearch> {
  const given = process.env.SLUICE_TEST_KAFKA;
  if (given) return { kind: 'found', brokers: given, how: 'SLUICE_TEST_KAFKA', stop: async () => {} };
  let noDocker = await readDockerProblem();
  if (noDocker === undefined) {
    try {
      return { kind: 'found', ...(await startKafkaContainer(say)) };
    } catch (error) {
      noDocker = `Docker could not start Kafka: ${(error as Error).message}`;
      say(noDocker);
    }
  }
  try {
    const broker = await startBroker({ say });
    return { kind: 'found', brokers: broker.brokers, how: 'a JVM of its own', stop: () => broker.stop() };
  } catch (error) {
    if (!(error instanceof NoBroker)) throw error;
    const why = [
      'no Kafka to be had:',
      '  SLUICE_TEST_KAFKA is not set (host:port of a broker)',
      `  ${noDocker}`,
      `  ${error.message}`,
    ].join('\n');
    return { kind: 'none', why };
  }
}

/** Why tests on the shared broker must be skipped, or `false`: for the `skip` option of a test. */
export const skipWithoutKafka: string | false = process.env.SLUICE_TEST_KAFKA
  ? false
  : (process.env.SLUICE_TEST_KAFKA_MISSING ?? 'SLUICE_TEST_KAFKA is not set; `npm test` finds or starts a broker');

/** The broker of this test run; only where `skipWithoutKafka` is false. */
export function sharedBrokers(): string {
  const brokers = process.env.SLUICE_TEST_KAFKA;
  if (!brokers) throw new Error(String(skipWithoutKafka));
  return brokers;
}

/** A topic on the shared broker for one test, deleted when the test ends. */
export async function testTopic(
  t: TestContext,
  options: { partitions?: number; configs?: Record<string, string> } = {},
): Promise<string> {
  const topic = `test-${randomUUID().slice(0, 13)}`;
  await createTopic(sharedBrokers(), { topic, ...options });
  t.after(() => deleteTopic(sharedBrokers(), topic));
  return topic;
}

/** A broker that one test may kill; `stop` it with the test. Undefined where none can be had: the test is skipped then. */
export async function testBroker(t: TestContext, options: BrokerOptions = {}): Promise<Broker | undefined> {
  try {
    return await startBroker(options);
  } catch (error) {
    if (!(error instanceof NoBroker) || process.env.CI === 'true') throw error;
    t.skip(error.message);
    return undefined;
  }
}

/** Creates a topic and waits until every partition has a leader. */
export async function createTopic(
  brokers: string,
  { topic, partitions = 1, configs = {} }: { topic: string; partitions?: number; configs?: Record<string, string> },
): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  // As many replicas as the broker gives by default.
  const wanted: ITopicConfig = { topic, numPartitions: partitions, replicationFactor: -1, configEntries };
  await withAdmin(brokers, async (admin) => {
    await admin.createTopics({ topics: [wanted], waitForLeaders: false });
    // kafkajs itself gives up when the broker has not heard of its new topic yet.
    const ready = async () => {
      const known = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions ?? [];
      return known.length === partitions && known.every(({ leader }) => leader >= 0);
    };
    await waitFor(ready, { what: `a leader for every partition of ${topic}` });
  });
}

export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }));
}

/** Runs `use` with a connected kafkajs admin client. */
export async function withAdmin<T>(brokers: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}
