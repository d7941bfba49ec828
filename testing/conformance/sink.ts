import type { ConformanceCase } from './case.ts';
import { committerCases } from './sink-committer.ts';
import type { SinkHarness } from './sink-harness.ts';
import { openPartCases } from './sink-open.ts';
import { writerCases } from './sink-writer.ts';

export type { SinkHarness } from './sink-harness.ts';

/** Two-phase commit without an engine: what every sink has to keep. */
export const sinkConformance: readonly ConformanceCase<SinkHarness>[] = [
  ...writerCases,
  ...committerCases,
  ...openPartCases,
];
