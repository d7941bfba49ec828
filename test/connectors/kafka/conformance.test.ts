import { type TestContext, test } from 'node:test';
import avro from 'avsc';
import { type KafkaOptions, kafka } from '../../../connectors/kafka/index.ts';
import { sourceConformance } from '../../../testing/conformance/source.ts';
import { encodeBatch, encodeMarker } from '../../../testing/kafka/batch-encoder.ts';
import { serveRegistry } from '../../../testing/schema-registry/server.ts';
import { prefixed } from '../schema-registry/support/values.ts';
import { FakeCluster } from './support/fake-broker.ts';

const TEXT = avro.Type.forSchema('string');

for (const { name, unsupported, run } of sourceConformance) {
  test(`conformance: ${name}`, async (t) => {
    const cluster = await FakeCluster.start(t);
    const values = fill(cluster);
    await runCase(t, cluster, values, {});
  });

  test(`conformance, of Avro: ${name}`, async (t) => {
    const cluster = await FakeCluster.start(t);
    const registry = await serveRegistry();
    t.after(() => registry.close());
    const id = registry.model.register({ subject: 'texts', schema: '"string"' });
    const texts = fill(cluster, (text) => prefixed(id, TEXT.toBuffer(text)));
    const values = new Map([...texts].map(([split, list]) => [split, list.map((text) => JSON.stringify(text))]));
    await runCase(t, cluster, values, { value: { format: 'avro', registry: { urls: [registry.url] } } });
  });

  async function runCase(
    t: TestContext,
    cluster: FakeCluster,
    values: Map<string, string[]>,
    more: Pick<KafkaOptions, 'value'>,
  ): Promise<void> {
    const options = {
      brokers: cluster.brokers,
      topics: ['clicks', 'views'],
      publishOffsets: false,
      fetch: { maxWait: '50ms', maxPartitionBytes: '1KiB' },
      ...more,
    };
    const harness = { source: kafka({ ...options, stop: 'latest' }), values, unbounded: kafka(options) };
    const why = unsupported?.(harness);
    if (why === undefined) await run(harness);
    else t.skip(why);
  }
}

/** Batches with and without compression, gaps, markers and aborted records. */
function fill(cluster: FakeCluster, encode = (text: string): string | Buffer => text): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [topic, partitions] of [
    ['clicks', 3],
    ['views', 1],
  ] as const) {
    const made = cluster.topic(topic, partitions);
    for (const [index, partition] of made.partitions.entries()) {
      const visible: string[] = [];
      values.set(`${topic}/${index}`, visible);
      for (let batch = 0; batch < 12; batch++) {
        const aborted = batch % 5 === 3;
        const texts = Array.from(
          { length: batch % 4 === 1 ? 1 : 7 },
          (_, record) => `${topic}-${index}-${batch}-${record}`,
        );
        const records = texts.map((text, record) => ({
          value: encode(text),
          offsetDelta: batch % 4 === 2 ? record * 2 : record,
        }));
        const baseOffset = partition.endOffset;
        const codec = batch % 3 === 1 ? 'lz4' : 'none';
        partition.append(
          encodeBatch(records, { baseOffset, codec, ...(aborted ? { producerId: 5, transactional: true } : {}) }),
        );
        if (!aborted) visible.push(...texts);
        else {
          partition.append(encodeMarker('abort', { baseOffset: partition.endOffset, producerId: 5 }));
        }
      }
    }
  }
  return values;
}
