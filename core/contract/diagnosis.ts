import type { Env } from './env.ts';

/** One thing that `sluice doctor` has found out. */
export interface Finding {
  /**
   * - `good`: looked at, and as it should be.
   * - `note`: nothing is wrong; whoever runs the pipeline should know.
   * - `warning`: works now, and will hurt one day.
   * - `problem`: does not work, or will lose records.
   */
  readonly level: 'good' | 'note' | 'warning' | 'problem';
  /** One line, with names and numbers. */
  readonly what: string;
  /** What the reader can do about it. */
  readonly help?: string | undefined;
  readonly table?: FindingTable | undefined;
}

export interface FindingTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface DiagnosisContext {
  readonly env: Env;
  readonly signal: AbortSignal;
  readonly pipeline: string;
  /** How often the pipeline writes, which decides what it costs. */
  readonly checkpointIntervalMs: number;
}

/**
 * What only the part itself knows to look at. Whatever is tried is undone, needs no claim and harms no pipeline that runs.
 * What is thrown ends the diagnosis of this part, as a problem.
 */
export type Diagnose = (context: DiagnosisContext) => AsyncIterable<Finding>;
