import { join } from 'node:path';
import { datagen } from '../../../../connectors/datagen/index.ts';
import { file } from '../../../../connectors/file/index.ts';
import { type Pipeline, pipeline } from '../../../../core/index.ts';
import { CASES, type FormatCase, PARTITIONS } from './formats.ts';

export const COUNT = 6_000;
/** Slow enough that every pipeline can be killed amid its records. */
const RATE_TO_KILL = 600;

/** One pipeline per case, each below `root`; without `rate` as fast as they can. */
export function openPipelines(root: string, rate?: number): { one: FormatCase; path: string; pipeline: Pipeline }[] {
  return CASES.map((one, i) => {
    const path = join(root, `case-${i}`);
    const roll = { onCheckpoint: false };
    return {
      one,
      path,
      pipeline: pipeline({
        name: 'formats',
        source: datagen({
          topic: 'clicks',
          partitions: PARTITIONS,
          count: COUNT,
          ...(rate === undefined ? {} : { rate }),
        }),
        sink: file({ path, directory: '{topic}/p={partition}', ...one.options, roll }),
        checkpoints: { interval: '100ms' },
      }),
    };
  });
}

// As a process of its own, which can be killed.
if (import.meta.main)
  await Promise.all(openPipelines(process.argv[2] as string, RATE_TO_KILL).map(({ pipeline }) => pipeline.run()));
