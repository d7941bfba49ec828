import { type Mutation, simulator } from './mutation.ts';

const COMMITTER = 'connectors/hdfs/committer.ts';

/** Faults of the HDFS sink and of its client. */
export const hdfsFaults: readonly Mutation[] = [
  {
    name: 'hdfs-doubt-is-done',
    what: 'a rename in HDFS that got no answer counts as done',
    edits: [
      {
        file: COMMITTER,
        find: "    let renamed = await this.#rename(handle, signal);\n    if (renamed.kind === 'done')",
        replace: "    let renamed = await this.#rename(handle, signal);\n    if (renamed.kind !== 'not')",
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'test/sweep/hdfs.test.ts',
      test: 'files in HDFS are exactly once when the process gets an error from any one request',
    },
  },
  {
    name: 'hdfs-doubt-is-lost',
    what: 'a rename in HDFS that failed counts as a loss, without a look at its two names',
    edits: [
      {
        file: COMMITTER,
        find: 'const first = this.#judge(handle, await this.#see(handle, signal), renamed);',
        replace: 'const first = this.#judge(handle, { staged: undefined, final: undefined }, renamed);',
      },
    ],
    caughtBy: simulator(128),
  },
  {
    name: 'hdfs-rename-replaces',
    what: 'a rename in HDFS replaces what has the name',
    edits: [
      {
        file: 'connectors/hdfs/webhdfs/client.ts',
        find: "renameoptions: 'NONE'",
        replace: "renameoptions: 'OVERWRITE'",
      },
    ],
    caughtBy: simulator(55),
  },
];
