/** For pipeline users: build a pipeline from connectors and run it. */

export type { CounterName, Env, GaugeName, LogFields, Logger, Metrics } from './contract/env.ts';
export { type ErrorKind, exitCodeFor, SluiceError } from './errors.ts';
export { type Pipeline, pipeline, type RunOptions, type RunResult } from './runtime/pipeline.ts';
export type { PipelineOptions } from './runtime/settings.ts';
export { type SystemEnvOptions, systemEnv } from './runtime/system-env.ts';
