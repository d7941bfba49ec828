import { type Mutation, simulator } from './mutation.ts';

/** Faults of the S3 sink. */
export const s3Faults: readonly Mutation[] = [
  {
    name: 'parked-over-parked',
    what: 'what is parked on disk a second time overwrites what was parked before',
    edits: [{ file: 'connectors/s3/spool.ts', find: 'const position = this.#bytes;', replace: 'const position = 0;' }],
    caughtBy: simulator(319),
  },
];
