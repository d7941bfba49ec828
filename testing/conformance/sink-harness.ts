import type { PendingHandle, Sink, Verdict } from '../../core/contract/sink.ts';
import type { BatchSpec } from '../frames.ts';
import { SinkRun } from './sink-run.ts';

/** A fresh place for output. The sink writes JSON values as they are and stops at nulls. */
export interface SinkHarness<H = unknown> {
  readonly sink: Sink<H>;
  /** What a plain reader sees: the lines of every visible file, by a name that says which. */
  visible(): Promise<Map<string, string[]>>;
  /** How many things are staged and not visible. */
  stagedCount(): Promise<number>;
  /** The place does not tell what is staged, so nobody finds what is left behind; `stagedCount` is 0 then. */
  readonly hidesStaged?: boolean;
  /** A reader moves a visible file away. */
  takeAway?(name: string): Promise<void>;
  /** The same place, told to believe that readers take files away. */
  readonly assumeTaken?: Sink<H>;
  /** The same place, told to keep parts open across cuts; left out by a sink whose parts all end at the barrier. */
  readonly staysOpen?: Sink<H>;
  /** Cuts the power, with nothing surviving that the sink had not made durable, and starts again. */
  powerLoss?(): Promise<void>;
  /** From now on the place takes no more bytes. */
  fillUp?(): Promise<void>;
}

export const kinds = (verdicts: readonly Verdict[]) => verdicts.map(({ kind }) => kind);
export const all = (kind: Verdict['kind'], handles: readonly unknown[]) => handles.map(() => kind);
export const linesOf = (visible: Map<string, string[]>) => [...visible.values()].flat().toSorted();

export function records(split: string, offset: number, count: number): BatchSpec {
  const values = Array.from({ length: count }, (_, i) => `{"s":"${split}","o":${offset + i}}`);
  return { split, offset, values };
}

export const valuesOf = (...specs: BatchSpec[]) => specs.flatMap(({ values }) => values.map(String)).toSorted();

/** Stages `specs` in an incarnation that is over when this returns. */
export async function stage<H>(sink: Sink<H>, epoch: number, ...specs: BatchSpec[]): Promise<PendingHandle<H>[]> {
  await using run = await SinkRun.start(sink, { epoch });
  await run.write(...specs);
  return await run.cut();
}
