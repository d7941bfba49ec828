import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { KafkaOptions } from '../../../../connectors/kafka/index.ts';
import type { SluiceError } from '../../../../core/spi.ts';
import { encodeBatch } from '../../../../testing/kafka/batch-encoder.ts';
import { FakeCluster } from './fake-broker.ts';

/** Batches of `count` records each from `baseOffset` on, with values `<prefix><offset>`. */
export function fill(cluster: FakeCluster, topic: string, partition: number, batches: number, count = 3): string[] {
  const values: string[] = [];
  let offset = cluster.partition(topic, partition).endOffset;
  for (let batch = 0; batch < batches; batch++) {
    const records = Array.from({ length: count }, (_, index) => ({ value: `${partition}:${offset + index}` }));
    values.push(...records.map(({ value }) => value));
    cluster.append(
      topic,
      partition,
      encodeBatch(records, { baseOffset: offset, leaderEpoch: cluster.partition(topic, partition).leaderEpoch }),
    );
    offset += count;
  }
  return values;
}

/** A cluster with the topic `clicks`, and options to read it. */
export async function oneTopic(t: TestContext, { partitions = 1, nodes = 1 } = {}) {
  const cluster = await FakeCluster.start(t, nodes);
  cluster.topic('clicks', partitions);
  const options: KafkaOptions = { brokers: cluster.brokers, topics: ['clicks'], publishOffsets: false };
  return { cluster, options };
}

/** For `assert.rejects`: kind and code. */
export const failsWith = (kind: string, code: string) => (error: SluiceError) => {
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  return true;
};
