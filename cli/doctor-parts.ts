import { probeStore } from '../core/checkpoint/probe.ts';
import type { PipelineFileOptions } from '../core/config/parse.ts';
import type { DiagnosisContext, Finding } from '../core/contract/diagnosis.ts';
import type { Env } from '../core/contract/env.ts';
import type { Sink } from '../core/contract/sink.ts';
import type { Source } from '../core/contract/source.ts';
import type { Store } from '../core/contract/store.ts';
import { type SluiceError, toSluiceError } from '../core/errors.ts';
import { storeOf } from '../core/runtime/incarnation.ts';
import { SharedMemoryBudget } from '../core/runtime/memory-budget.ts';
import { pipelineOptions } from '../core/runtime/settings.ts';
import { helpOf } from './error-text.ts';
import { grouped } from './units.ts';

/** One part of a pipeline, and what is found out about it, as it is found out. */
export interface ExaminedPart {
  readonly title: string;
  readonly findings: AsyncIterable<Finding>;
}

/** Source, sink and checkpoints, one after the other. Needs no claim, and undoes whatever it tries. */
export function examine(options: PipelineFileOptions, env: Env, signal: AbortSignal): ExaminedPart[] {
  const { name, source, sink } = options;
  const { checkpoints, memory } = pipelineOptions.parse(options);
  const context = { env, signal, pipeline: name, checkpointIntervalMs: checkpoints.interval };
  const store = storeOf({ name, sink, store: options.checkpoints.store }, env);
  return [
    { title: `source  ${source.type}`, findings: untilThrown(examineSource(source, context, memory)) },
    { title: `sink  ${sink.identity}`, findings: untilThrown(examineSink(sink, context)) },
    { title: `checkpoints  ${store.identity}`, findings: untilThrown(examineStore(store, context)) },
  ];
}

async function* examineSource(source: Source, context: DiagnosisContext, memoryBytes: number): AsyncGenerator<Finding> {
  const { env, pipeline, signal } = context;
  const memory = new SharedMemoryBudget(memoryBytes, env);
  {
    await using session = await source.open({ env, pipeline, memory, signal });
    const { splits } = await session.discover({ signal });
    const topics = new Set(splits.map(({ group }) => group)).size;
    yield {
      level: splits.length === 0 ? 'warning' : 'good',
      what: `answers: ${counted(splits.length, 'partition')} of ${counted(topics, 'topic')}`,
    };
  }
  if (source.diagnose !== undefined) yield* source.diagnose(context);
}

async function* examineSink(sink: Sink, context: DiagnosisContext): AsyncGenerator<Finding> {
  if (sink.diagnose !== undefined) return yield* sink.diagnose(context);
  await sink.check(context);
  yield { level: 'good', what: 'can be used' };
}

async function* examineStore(store: Store, context: DiagnosisContext): AsyncGenerator<Finding> {
  let isBroken = false;
  if (store.diagnose !== undefined) {
    for await (const finding of store.diagnose(context)) {
      isBroken ||= finding.level === 'problem';
      yield finding;
    }
  }
  // It would fail by what is known already.
  if (isBroken) return;
  await probeStore(store, context.pipeline, context.env, { signal: context.signal });
  yield { level: 'good', what: 'of 8 creates of one key at once one wins; reads, lists and deletes are seen at once' };
}

/** What goes wrong is the last finding. Our own mistakes are no findings. */
async function* untilThrown(findings: AsyncIterable<Finding>): AsyncGenerator<Finding> {
  try {
    yield* findings;
  } catch (thrown) {
    const error = toSluiceError(thrown);
    if (error.kind === 'bug') throw thrown;
    yield problemOf(error);
  }
}

function problemOf(error: SluiceError): Finding {
  return { level: 'problem', what: error.message, help: helpOf(error) };
}

function counted(n: number, what: string): string {
  return `${grouped(n)} ${what}${n === 1 ? '' : 's'}`;
}
