import { z } from 'zod';
import { checkpointSettings, pipelineSettings } from '../config/pipeline-settings.ts';
import type { Env } from '../contract/env.ts';
import type { Sink } from '../contract/sink.ts';
import type { Source } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';

const settings = z.strictObject({
  ...pipelineSettings,
  source: z.custom<Source>(),
  sink: z.custom<Sink>(),
  checkpoints: z.strictObject({ ...checkpointSettings, store: z.custom<Store>().optional() }).prefault({}),
});

/** The same keys as in YAML; source, sink and store are the objects that `kafka()`, `file()` and `fileStore()` return. */
export type PipelineOptions = z.input<typeof settings>;
export type PipelineSettings = z.output<typeof settings>;

export interface RunOptions {
  /** Abort to stop in order: final checkpoint, everything committed, within `shutdownTimeout`. */
  signal?: AbortSignal;
  /** Time, logs and metrics; the process's own by default. */
  env?: Env;
  /** Take over an output that carries another lineage's marker. */
  newLineage?: boolean;
}

export interface RunResult {
  /** `finished`: a bounded source is read to its end. `stopped`: the signal asked for it. Nothing is pending in either. */
  reason: 'finished' | 'stopped';
}

export interface Pipeline {
  /** Runs until the source ends, the signal aborts or a `SluiceError` that no restart can mend. */
  run(options?: RunOptions): Promise<RunResult>;
}
