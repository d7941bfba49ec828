/** A fault that somebody could make, as exact changes of the sources, and what must notice it. */
export interface Mutation {
  readonly name: string;
  readonly what: string;
  readonly edits: readonly Edit[];
  readonly caughtBy: Simulated | Tested;
}

/** One place of one file. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The simulator: one of its runs ends with an anomaly. */
export interface Simulated {
  readonly by: 'simulator';
  /** How many seeds it took when it was measured, from seed 1 on. */
  readonly took: number;
  /** Where CI begins: seeds that are known to pass cost time and show nothing. */
  readonly seedFirst: number;
  /** How many seeds it may take in CI: seeds mean other runs whenever the simulator draws its dice in another order. */
  readonly seedsMax: number;
}

/** A test file and, where the whole file takes long, the beginning of a test's name. */
export interface Tested {
  readonly by: 'test';
  readonly file: string;
  readonly test?: string;
}

/** `took` as `measure.ts` prints it. */
export function simulator(took: number): Simulated {
  return { by: 'simulator', took, seedFirst: took, seedsMax: 100 + 5 * took };
}

/** Tests of the sweep, by what happens to the process. */
export function sweep(fate: string): Tested {
  return {
    by: 'test',
    file: 'test/sweep/sweep.test.ts',
    test: `output is exactly once when the process ${fate}`,
  };
}
