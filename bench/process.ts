import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Guarded, spawnGuarded } from '../test/services/process.ts';
import { type Pinning, pinned } from './machine.ts';

const LAUNCHER = fileURLToPath(new URL('../bin/sluice.js', import.meta.url));

export interface PipelineRun {
  brokers: string;
  topic: string;
  folder: string;
  pinning: Pinning | undefined;
  /** Ends once everything that is in the topic now is in files. */
  bounded?: boolean;
}

/** Where the output of a run in `folder` is. */
export function outputOf(folder: string): string {
  return join(folder, 'out');
}

/** Starts the pipeline as its users do, with a checkpoint every second. */
export function startPipeline({ brokers, topic, folder, pinning, bounded = false }: PipelineRun): Promise<Guarded> {
  const path = join(folder, 'pipeline.yaml');
  writeFileSync(
    path,
    `name: bench
source: { type: kafka, brokers: ${JSON.stringify(brokers.split(','))}, topics: [${topic}], start: earliest${bounded ? ', stop: latest' : ''} }
sink: { type: file, path: ./out, format: ndjson }
checkpoints: { interval: 1s, store: { type: file, path: ./state } }
`,
  );
  const [command = '', ...args] = pinned(pinning, [LAUNCHER, 'run', path]);
  return spawnGuarded({ command, args, logPath: join(folder, 'pipeline.log') });
}
