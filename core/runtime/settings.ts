import { z } from 'zod';
import { checkpointSettings, pipelineSettings } from '../config/pipeline-settings.ts';
import type { Sink } from '../contract/sink.ts';
import type { Source } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';

export const pipelineOptions = z.strictObject({
  ...pipelineSettings,
  source: z.custom<Source>(),
  sink: z.custom<Sink>(),
  checkpoints: z.strictObject({ ...checkpointSettings, store: z.custom<Store>().optional() }).prefault({}),
});

/** The same keys as in YAML; source, sink and store are the objects that `kafka()`, `file()` and `fileStore()` return. */
export type PipelineOptions = z.input<typeof pipelineOptions>;
export type PipelineSettings = z.output<typeof pipelineOptions>;
