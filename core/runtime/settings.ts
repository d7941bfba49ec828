import { z } from 'zod';
import { checkpointSettings, pipelineSettings } from '../config/pipeline-settings.ts';
import type { Sink } from '../contract/sink.ts';
import type { Source } from '../contract/source.ts';
import type { Store } from '../contract/store.ts';

export const pipelineOptions = z.strictObject({
  ...pipelineSettings,
  source: z.custom<Source>((value) => has(value, 'open'), 'expected a source, for example kafka({ ... })'),
  sink: z.custom<Sink>((value) => has(value, 'open'), 'expected a sink, for example file({ ... })'),
  checkpoints: z
    .strictObject({
      ...checkpointSettings,
      store: z
        .custom<Store>((value) => has(value, 'createIfAbsent'), 'expected a store, for example fileStore({ ... })')
        .optional(),
    })
    .prefault({}),
});

function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null)?.[method] === 'function';
}

/** The same keys as in YAML; source, sink and store are the objects that `kafka()`, `file()` and `fileStore()` return. */
export type PipelineOptions = z.input<typeof pipelineOptions>;
export type PipelineSettings = z.output<typeof pipelineOptions>;
