import { test } from 'node:test';
import { kafka } from '../../../connectors/kafka/index.ts';
import { sourceConformance } from '../../../testing/conformance/source.ts';
import { encodeBatch, encodeMarker } from '../../../testing/kafka/batch-encoder.ts';
import { FakeCluster } from './support/fake-broker.ts';

for (const { name, unsupported, run } of sourceConformance) {
  test(`conformance: ${name}`, async (t) => {
    const cluster = await FakeCluster.start(t);
    const values = fill(cluster);
    const options = {
      brokers: cluster.brokers,
      topics: ['clicks', 'views'],
      publishOffsets: false,
      fetch: { maxWait: '50ms', maxPartitionBytes: '1KiB' },
    };
    const harness = { source: kafka({ ...options, stop: 'latest' }), values, unbounded: kafka(options) };
    const why = unsupported?.(harness);
    if (why === undefined) await run(harness);
    else t.skip(why);
  });
}

/** Batches with and without compression, gaps, markers and aborted records. */
function fill(cluster: FakeCluster): Map<string, string[]> {
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
        const records = Array.from({ length: batch % 4 === 1 ? 1 : 7 }, (_, record) => ({
          value: `${topic}-${index}-${batch}-${record}`,
          offsetDelta: batch % 4 === 2 ? record * 2 : record,
        }));
        const baseOffset = partition.endOffset;
        const codec = batch % 3 === 1 ? 'lz4' : 'none';
        partition.append(
          encodeBatch(records, { baseOffset, codec, ...(aborted ? { producerId: 5, transactional: true } : {}) }),
        );
        if (!aborted) visible.push(...records.map(({ value }) => value));
        else {
          partition.append(encodeMarker('abort', { baseOffset: partition.endOffset, producerId: 5 }));
        }
      }
    }
  }
  return values;
}
