import { type Mutation, simulator } from './mutation.ts';

const STAGING = 'connectors/file/staging.ts';
const OPEN_PARQUET = { by: 'test', file: 'test/connectors/file/open-parquet.test.ts' } as const;
const PARQUET_JOURNAL = { by: 'test', file: 'test/connectors/formats/parquet/journal.test.ts' } as const;

/** Faults in files that stay open across checkpoints. */
export const openFaults: readonly Mutation[] = [
  {
    name: 'open-copied-whole',
    what: 'a restart finishes an open file with everything in it instead of what its checkpoint recorded',
    edits: [{ file: STAGING, find: 'bytes: Math.min(bytes - copied, COPY_BYTES) }', replace: 'bytes: COPY_BYTES }' }],
    caughtBy: simulator(3),
  },
  {
    name: 'open-not-synced',
    what: 'a checkpoint records bytes of an open file that a power loss can take',
    edits: [
      { file: STAGING, find: '    await durably({ named: !this.#isNamed || beside !== undefined });\n', replace: '' },
    ],
    caughtBy: simulator(78),
  },
  {
    name: 'open-named-by-nobody',
    what: 'the sweep of orphans discards open files that a checkpoint names',
    edits: [{ file: 'connectors/file/orphans.ts', find: ', ...keep.open.map(({ place }) => place)', replace: '' }],
    caughtBy: simulator(3),
  },
  {
    name: 'open-forgotten',
    what: 'a restart does not finish what the run before was still writing',
    edits: [
      {
        file: 'core/runtime/shard-task.ts',
        find: '    const open = openPartsOf(sink, claim.stored.slot);\n',
        replace: '    const open = openPartsOf(sink, claim.stored.slot).slice(0, 0);\n',
      },
    ],
    caughtBy: simulator(3),
  },
  {
    name: 'open-loss-of-the-replaced',
    what: 'a replaced run calls it a loss that its successor has finished and discarded what it wants to finish',
    edits: [
      {
        file: 'core/runtime/shard-task.ts',
        find: '      await this.#coordinator.proveOwner();\n      throw openPartsLost(lost);\n',
        replace: '      throw openPartsLost(lost);\n',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'test/sim/sim.test.ts',
      test: 'what once went wrong stays right: open-file-of-a-replaced-run',
    },
  },
  {
    name: 'open-finished-twice',
    what: 'the checkpoint that names a finished file still knows it as open',
    edits: [
      {
        file: 'core/runtime/shard-task.ts',
        find: 'staged: { handles, open }, records: 0',
        replace: 'staged: { handles, open: [...some, ...open] }, records: 0',
      },
    ],
    caughtBy: simulator(22),
  },
  {
    name: 'open-gathered-forgotten',
    what: 'a checkpoint records an open file without the lines that still gather for it',
    edits: [
      {
        file: 'connectors/filesink/open-part.ts',
        find: '    this.flush({ all: beside === undefined });\n',
        replace: '    this.flush({ all: false });\n',
      },
    ],
    caughtBy: simulator(655),
  },
  {
    name: 'open-waits-for-records',
    what: 'an open file that is closed for its age waits for new records to be committed',
    edits: [
      {
        file: 'connectors/filesink/part-writer.ts',
        find: '    if (!this.#options.roll.onCheckpoint) this.#options.onClosedEarly?.();\n',
        replace: '',
      },
    ],
    caughtBy: simulator(21),
  },
  {
    name: 'journal-not-synced',
    what: 'a checkpoint records a journal that a power loss can take',
    edits: [{ file: 'connectors/file/journal.ts', find: '    await this.#options.sync(staged, file);\n', replace: '' }],
    caughtBy: OPEN_PARQUET,
  },
  {
    name: 'journal-swept',
    what: 'the sweep of orphans discards journals that a checkpoint names',
    edits: [{ file: 'connectors/file/orphans.ts', find: '[...named, ...journals]', replace: '[...named]' }],
    caughtBy: OPEN_PARQUET,
  },
  {
    name: 'journal-swept-early',
    what: 'the sweep discards journals that are on their way into the next checkpoint',
    edits: [
      {
        file: 'connectors/file/orphans.ts',
        find: 'part.counter < settledBelow',
        replace: 'part.counter >= 0',
      },
    ],
    caughtBy: OPEN_PARQUET,
  },
  {
    name: 'journal-counts-as-file',
    what: 'a file is closed early for what is kept beside it',
    edits: [
      {
        file: 'connectors/filesink/open-part.ts',
        find: ' + gatheredBytes - besideBytes;',
        replace: ' + gatheredBytes + 0 * besideBytes;',
      },
    ],
    caughtBy: { by: 'test', file: 'test/connectors/filesink/open-parts.test.ts' },
  },
  {
    name: 'journal-names-all-again',
    what: 'the journal of a file with many row groups is written anew after each of them',
    edits: [
      {
        file: 'connectors/formats/parquet/journal.ts',
        find: 'this.#given.obsoleteBytes > this.#given.valueBytes;',
        replace: 'this.#given.rowGroups < this.#rowGroups.length;',
      },
    ],
    caughtBy: PARQUET_JOURNAL,
  },
  {
    name: 'journal-records-twice',
    what: 'records of a complete row group are written once more when its file is ended',
    edits: [{ file: 'connectors/formats/parquet/encoder.ts', find: '      encoder = undefined;\n', replace: '' }],
    caughtBy: PARQUET_JOURNAL,
  },
];
