import { datagen } from '../../../connectors/datagen/index.ts';
import { writeValue } from '../../../connectors/datagen/value.ts';
import type { SplitId } from '../../../core/contract/batch.ts';
import { sourceConformance } from '../../../testing/conformance/source.ts';
import { testConformance } from '../../testing/conformance.ts';

const SETTINGS = { partitions: 3, seed: 7, valueBytes: 60 };

function valuesOf(counts: readonly number[]): Map<SplitId, string[]> {
  const value = (partition: number, sequence: number) => {
    const bytes = Buffer.alloc(200);
    return bytes.toString('latin1', 0, writeValue(bytes, 0, SETTINGS.valueBytes, { seed: 7, partition, sequence }));
  };
  return new Map(
    counts.map((count, partition) => [
      `datagen/${partition}`,
      Array.from({ length: count }, (_, sequence) => value(partition, sequence)),
    ]),
  );
}

testConformance('datagen', sourceConformance, () => ({
  source: datagen({ ...SETTINGS, count: 100 }),
  values: valuesOf([34, 33, 33]),
  unbounded: datagen(SETTINGS),
}));

testConformance(
  'datagen of several frames',
  sourceConformance.filter(({ name }) => !name.startsWith('positions only')),
  () => ({
    source: datagen({ ...SETTINGS, count: 5001 }),
    values: valuesOf([1667, 1667, 1667]),
    unbounded: datagen({ ...SETTINGS, rate: 1 }),
  }),
);

testConformance('datagen at a rate', sourceConformance.slice(0, 1), () => ({
  source: datagen({ ...SETTINGS, count: 100, rate: 2_000 }),
  values: valuesOf([34, 33, 33]),
}));
