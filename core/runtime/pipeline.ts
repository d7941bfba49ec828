import { createHash } from 'node:crypto';
import { z } from 'zod';
import { OwnClaims } from '../checkpoint/own-claims.ts';
import type { Env } from '../contract/env.ts';
import { SluiceError, toSluiceError } from '../errors.ts';
import { Incarnation } from './incarnation.ts';
import { decideRestart, NO_RESTART_YET, type RestartState } from './restart.ts';
import { type PipelineOptions, type PipelineSettings, pipelineOptions } from './settings.ts';
import { systemEnv } from './system-env.ts';

export interface RunOptions {
  /** Abort to stop in order: final checkpoint, everything committed, within `shutdownTimeout`. */
  signal?: AbortSignal;
  /** Time, logs and metrics; the process's own by default. */
  env?: Env;
  /** Take over an output that carries another lineage's marker. */
  newLineage?: boolean;
  /** Identifies the configuration in slots; the command line passes the hash of the file's settings. */
  configHash?: string;
}

export interface RunResult {
  /** `finished`: a bounded source is read to its end. `stopped`: the signal asked for it. Nothing is pending in either. */
  reason: 'finished' | 'stopped';
}

export interface Pipeline {
  /** Runs until the source ends, the signal aborts or a `SluiceError` that no restart can mend. */
  run(options?: RunOptions): Promise<RunResult>;
}

/** Checks the options and returns the pipeline; connects to nothing yet. Throws `config` for options that cannot be. */
export function pipeline(options: PipelineOptions): Pipeline {
  const parsed = pipelineOptions.safeParse(options);
  if (!parsed.success) {
    throw new SluiceError('config', 'PIPELINE_OPTIONS', { message: `pipeline(): ${z.prettifyError(parsed.error)}` });
  }
  return { run: (runOptions = {}) => runUntilEnd(parsed.data, runOptions) };
}

async function runUntilEnd(settings: PipelineSettings, options: RunOptions): Promise<RunResult> {
  const env = options.env ?? systemEnv();
  const stop = options.signal ?? new AbortController().signal;
  const configHash = options.configHash ?? hashOf(settings);
  const incarnationOptions = { settings, configHash, ownClaims: new OwnClaims(), env, stop };
  let restarts: RestartState = NO_RESTART_YET;
  let newLineage = options.newLineage ?? false;
  for (;;) {
    const incarnation = new Incarnation({ ...incarnationOptions, newLineage });
    const startedMs = env.clock.monotonicMs();
    try {
      const { how } = await incarnation.run();
      return { reason: how };
    } catch (thrown) {
      const error = toSluiceError(thrown);
      const failure = { error, ranMs: env.clock.monotonicMs() - startedMs, madeCheckpoint: incarnation.madeCheckpoint };
      const decision = decideRestart(restarts, failure, {
        attemptsMax: settings.restart.attempts,
        bounded: settings.source.bounded,
        random: env.random.next(),
      });
      if (decision.kind === 'giveUp' || stop.aborted) throw error;
      env.log.warn(error.message, {
        code: error.code,
        help: error.help,
        restartInMs: Math.round(decision.pauseMs),
        ...error.details,
      });
      await env.timers.sleep(decision.pauseMs, { signal: stop });
      if (stop.aborted) throw error;
      env.metrics.add('restarts', 1);
      restarts = decision.state;
      // The output was taken over at most once; a restart must not take it from whoever took it since.
      if (failure.madeCheckpoint) newLineage = false;
    }
  }
}

function hashOf({ name, source, sink, checkpoints }: PipelineSettings): string {
  const { store: _, ...times } = checkpoints;
  const facts = { name, source: source.type, sink: sink.identity, checkpoints: times };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
