import { type Mutation, simulator } from './mutation.ts';

const OPEN_PARQUET = { by: 'test', file: 'test/connectors/s3/open-parquet.test.ts' } as const;
const OPEN_FILES = { by: 'test', file: 'test/connectors/s3/open-files.test.ts' } as const;

/** Faults of the S3 sink. */
export const s3Faults: readonly Mutation[] = [
  {
    name: 'parked-over-parked',
    what: 'what is parked on disk a second time overwrites what was parked before',
    edits: [{ file: 'connectors/s3/spool.ts', find: 'const position = this.#bytes;', replace: 'const position = 0;' }],
    caughtBy: simulator(319),
  },
  {
    name: 's3-tail-not-named',
    what: 'a later run sends the last bytes of an open file, and completes its upload without them',
    edits: [{ file: 'connectors/s3/finish.ts', find: 'parts: [...parts, ...last] }', replace: 'parts: [...parts] }' }],
    caughtBy: OPEN_FILES,
  },
  {
    name: 's3-tail-number-shared',
    what: 'a later run ends an open upload under a number that its writer, still alive, uses next (SHARED)',
    edits: [
      {
        file: 'connectors/s3/finish.ts',
        find: 'const number = PARTS_MAX + 1 + (this.#options.epoch % LAST_PARTS);',
        replace: 'const number = parts.length + 1;',
      },
    ],
    caughtBy: OPEN_FILES,
  },
  {
    name: 's3-tail-kept',
    what: 'the tail of an open file still counts once its bytes are in a part',
    edits: [{ file: 'connectors/s3/upload.ts', find: '    this.#tail = [];\n', replace: '' }],
    caughtBy: OPEN_FILES,
  },
  {
    name: 's3-open-swept',
    what: 'the sweep of orphans aborts uploads that a checkpoint names as open',
    edits: [{ file: 'connectors/s3/orphans.ts', find: '[...ids, ...handles', replace: '[...handles' }],
    caughtBy: OPEN_FILES,
  },
  {
    name: 's3-tails-swept',
    what: 'the sweep deletes tails that a checkpoint names',
    edits: [{ file: 'connectors/s3/tail-sweep.ts', find: ' || named.has(key)', replace: '' }],
    caughtBy: OPEN_FILES,
  },
  {
    name: 's3-tails-swept-early',
    what: 'the sweep deletes tails that are on their way into the next checkpoint',
    edits: [{ file: 'connectors/s3/tail-sweep.ts', find: 'tail.counter < settledBelow', replace: 'tail.counter >= 0' }],
    caughtBy: OPEN_FILES,
  },
  {
    name: 's3-journal-swept',
    what: 'the sweep deletes pieces of a journal that a checkpoint names',
    edits: [{ file: 'connectors/s3/tail-sweep.ts', find: '[...tail, ...journal]', replace: '[...tail]' }],
    caughtBy: OPEN_PARQUET,
  },
  {
    name: 's3-journal-in-pieces',
    what: 'a checkpoint names one more piece of a journal than the one before, for as long as a row group takes',
    edits: [{ file: 'connectors/s3/journal.ts', find: 'joins = await this.#joinLast()', replace: 'joins = false' }],
    caughtBy: OPEN_PARQUET,
  },
];
