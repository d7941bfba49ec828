import { SluiceError } from '../../core/spi.ts';
import { type Cluster, placeOf } from './cluster.ts';
import { refusedByBroker } from './errors.ts';
import type { MetadataResponse } from './metadata-request.ts';
import { type ListedOffset, listOffsetsApi } from './offset-requests.ts';
import type { KafkaPosition } from './positions.ts';

export interface OffsetQuestion {
  topic: string;
  partition: number;
  /** A time, or `TIMESTAMP_EARLIEST` or `TIMESTAMP_LATEST`. */
  timestampMs: number;
}

/** Answers in the order of the questions; offset -1 = no record at or after that time. */
export async function listOffsets(
  cluster: Cluster,
  questions: readonly OffsetQuestion[],
  { readCommitted, signal }: { readCommitted: boolean; signal: AbortSignal | undefined },
): Promise<KafkaPosition[]> {
  if (questions.length === 0) return [];
  const topics = [...new Set(questions.map(({ topic }) => topic))];
  return cluster.persist(async () => {
    const metadata = await cluster.metadata(topics);
    const answers = await askLeaders(cluster, metadata, questions, readCommitted);
    return questions.map(({ topic, partition }) => {
      const { offset, leaderEpoch } = answers.get(`${topic}/${partition}`) as ListedOffset;
      return { offset, leaderEpoch };
    });
  }, signal);
}

async function askLeaders(
  cluster: Cluster,
  metadata: MetadataResponse,
  questions: readonly OffsetQuestion[],
  readCommitted: boolean,
): Promise<Map<string, ListedOffset>> {
  const byLeader = new Map<number, (OffsetQuestion & { leaderEpoch: number })[]>();
  for (const question of questions) {
    const { nodeId, leaderEpoch } = requireLeader(metadata, question);
    const ofLeader = byLeader.get(nodeId) ?? [];
    ofLeader.push({ ...question, leaderEpoch });
    byLeader.set(nodeId, ofLeader);
  }
  const answers = await Promise.all(
    [...byLeader].map(([nodeId, partitions]) => cluster.call(nodeId, listOffsetsApi, { readCommitted, partitions })),
  );
  const found = new Map<string, ListedOffset>();
  for (const answer of answers.flat()) {
    const split = `${answer.topic}/${answer.partition}`;
    if (answer.errorCode !== 0) {
      throw refusedByBroker(answer.errorCode, {
        operation: 'Describe',
        resource: `topic ${answer.topic} (partition ${split})`,
      });
    }
    found.set(split, answer);
  }
  for (const { topic, partition } of questions) {
    if (!found.has(`${topic}/${partition}`)) throw noAnswer(topic, partition);
  }
  return found;
}

function requireLeader(
  metadata: MetadataResponse,
  { topic, partition }: { topic: string; partition: number },
): { nodeId: number; leaderEpoch: number } {
  const found = metadata.topics.find((one) => one.topic === topic);
  if (found === undefined) throw noAnswer(topic, partition);
  if (found.errorCode !== 0)
    throw refusedByBroker(found.errorCode, { operation: 'Describe', resource: `topic ${topic}` });
  const place = placeOf(found, partition);
  if (place.kind === 'led') return place;
  throw new SluiceError('unavailable', 'KAFKA_NO_LEADER', {
    message: `Kafka: partition ${topic}/${partition} has no leader now: ${place.why}`,
    details: { topic, partition },
  });
}

function noAnswer(topic: string, partition: number): SluiceError {
  return new SluiceError('rejected', 'KAFKA_ANSWER_INCOMPLETE', {
    message: `Kafka: an answer says nothing about ${topic}/${partition}, though it was asked for`,
    details: { topic, partition },
  });
}
