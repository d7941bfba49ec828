import { type Mutation, simulator } from './mutation.ts';

const COMMITTER = 'connectors/file/committer.ts';
const STAGING = 'connectors/file/staging.ts';
const STORE = 'connectors/file/store.ts';

/** Faults in the file sink and the file store. */
export const fileFaults: readonly Mutation[] = [
  {
    name: 'slots-by-rename',
    what: 'the file store gives a slot its name by a rename, which overwrites (OVERWRITE)',
    edits: [
      {
        file: STORE,
        find: 'await this.#fs.link(temporary, slot);',
        replace: 'await this.#fs.rename(temporary, slot);',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'commit-by-link',
    what: 'a file is made visible by link and unlink, which brings it back after a reader took it (LINK)',
    edits: [
      {
        file: COMMITTER,
        find: '      await this.#options.fs.rename(staged, final);',
        replace: '      await this.#options.fs.link(staged, final);\n      await this.#options.fs.unlink(staged);',
      },
    ],
    caughtBy: simulator(53),
  },
  {
    name: 'commit-by-copy',
    what: 'a file is made visible under its name before its bytes are all there',
    edits: [
      {
        file: STAGING,
        find: '    const staged = join(this.#staging, name);\n    const file = await this.#create(staged);',
        replace: '    const staged = join(target, name);\n    const file = await this.#create(staged);',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'no-sync-of-staged-files',
    what: 'a slot names staged files whose bytes may not survive a power loss',
    edits: [
      {
        file: STAGING,
        find: "      await withFileErrors({ doing: 'make durable', path: staged }, () => file.sync());\n",
        replace: '',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'no-sync-of-staged-names',
    what: 'a slot names staged files whose names may not survive a power loss',
    edits: [
      {
        file: STAGING,
        find: "    await withFileErrors({ doing: 'make durable', path: this.#staging }, () => directories.sync(this.#staging));\n",
        replace: '',
      },
    ],
    caughtBy: simulator(12),
  },
  {
    name: 'no-sync-after-rename',
    what: 'a handle counts as settled although its rename may not survive a power loss',
    edits: [{ file: COMMITTER, find: '      await this.#options.directories.sync(path);\n', replace: '' }],
    caughtBy: simulator(1),
  },
  {
    name: 'no-sync-of-slots',
    what: 'a slot counts as durable although its name may not survive a power loss',
    edits: [{ file: STORE, find: '    await this.#directories.sync(directory);\n', replace: '' }],
    caughtBy: simulator(78),
  },
  {
    name: 'no-sync-of-slot-bytes',
    what: 'a slot has its name although its bytes may not survive a power loss',
    edits: [{ file: STORE, find: '      await file.sync();\n', replace: '' }],
    caughtBy: simulator(1),
  },
  {
    name: 'no-sync-of-new-directories',
    what: 'a file is committed into a new directory whose own name may not survive a power loss',
    edits: [
      {
        file: 'connectors/file/directories.ts',
        find: '      await this.sync(parent);\n',
        replace: '',
      },
    ],
    caughtBy: simulator(10),
  },
  {
    name: 'names-without-epoch',
    what: 'files of a restarted run have the names of the run before',
    edits: [
      {
        file: 'connectors/filesink/part-name.ts',
        find: 'shard, epoch, counter: this.#counter++',
        replace: 'shard, epoch: Math.min(epoch, 1), counter: this.#counter++',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'rolled-forgotten',
    what: 'a cut names the parts it closes and not those that were full before',
    edits: [
      {
        file: 'connectors/filesink/part-writer.ts',
        find: '    const open = [...this.#openParts()];\n',
        replace: '    this.#rolled = [];\n    const open = [...this.#openParts()];\n',
      },
    ],
    caughtBy: simulator(2),
  },
  {
    name: 'gathered-forgotten',
    what: 'a part is closed without the lines that still gather for it',
    edits: [
      {
        file: 'connectors/filesink/lanes/line-gathering.ts',
        find: '    return this.take({ all: true });\n',
        replace: '    return this.take({ all: false });\n',
      },
    ],
    caughtBy: simulator(4),
  },
  {
    name: 'chunk-reused-early',
    what: 'a chunk of lines is given to the next part while it waits to be written',
    edits: [
      {
        file: 'connectors/filesink/lanes/chunk-pool.ts',
        find: 'holder: { release: () => this.give(buffer) } };',
        replace: 'holder: (this.give(buffer), undefined) };',
      },
    ],
    caughtBy: simulator(4),
  },
  {
    name: 'closed-part-written',
    what: 'records go to a part that has been closed for its age or because too many are open',
    edits: [
      {
        file: 'connectors/filesink/open-part.ts',
        find: 'part instanceof OpenPart && part.isOpen ?',
        replace: 'part instanceof OpenPart ?',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'chunks-out-of-order',
    what: 'compressed chunks are appended as they are ready instead of in the order they were given',
    edits: [
      {
        file: 'connectors/filesink/compression/compressed-part.ts',
        find: '    await before;\n    const output = await compressed;\n',
        replace: '    const output = await compressed;\n    before.catch(() => {});\n',
      },
    ],
    caughtBy: { by: 'test', file: 'test/connectors/filesink/compression/compressed-files.test.ts' },
  },
  {
    name: 'frame-not-held',
    what: 'a frame is given back while its records wait to be written',
    edits: [
      { file: 'connectors/filesink/lanes/raw-lane.ts', find: '      frame.retain();\n', replace: '' },
      {
        file: 'connectors/filesink/open-part.ts',
        find: '      for (const { holder } of taken) holder?.release();\n',
        replace: '',
      },
      {
        file: 'connectors/filesink/open-part.ts',
        find: "      else if ('bytes' in dropped) dropped.holder?.release();\n",
        replace: '',
      },
    ],
    caughtBy: simulator(2),
  },
  {
    name: 'looks-at-target-first',
    what: 'a committer looks for the target before the staged file, so that a rename in between looks like a loss',
    edits: [
      {
        file: 'connectors/filesink/two-names.ts',
        find: '  const stagedBefore = await look(staged);\n  const finalStatus = await look(final);\n',
        replace: '  const finalStatus = await look(final);\n  const stagedBefore = await look(staged);\n',
      },
    ],
    caughtBy: simulator(322),
  },
];
