/** A fault that somebody could make, as an exact change of one place in the sources, and the test that must notice it. */
export interface Mutation {
  readonly name: string;
  readonly what: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** A test file and, where the whole file takes long, the beginning of a test's name. */
  readonly caughtBy: { readonly file: string; readonly test?: string };
}

const sweep = (test: string) => ({
  file: 'test/sweep/sweep.test.ts',
  test: `output is exactly once when the process ${test}`,
});

export const mutations: readonly Mutation[] = [
  {
    name: 'no-listing',
    what: 'a slot counts as written without the listing that shows a newer owner',
    file: 'core/checkpoint/log.ts',
    find: "    await this.proveOwner(slot, call);\n    return { kind: 'written'",
    replace: "    return { kind: 'written'",
    caughtBy: { file: 'test/core/checkpoint/log.test.ts' },
  },
  {
    name: 'commit-before-slot',
    what: 'files become visible before a slot names them',
    file: 'core/checkpoint/coordinator.ts',
    find: '      this.#newest = await this.#append(slot);\n',
    replace: '      this.#queue.add(next.named, slot.seq);\n      this.#newest = await this.#append(slot);\n',
    caughtBy: sweep('dies right after any'),
  },
  {
    name: 'abort-on-error',
    what: 'a slot that seems not written makes the writer discard what it staged',
    file: 'core/checkpoint/coordinator.ts',
    find: '      this.#broken = error;\n',
    replace:
      '      this.#broken = error;\n' +
      '      const { pipeline, lineage, layout, epoch } = slot;\n' +
      '      await this.#options.committer.abortOrphans({ pipeline, lineage, layout, shard: slot.shard, epochBelow: epoch + 1 }, [], {});\n',
    caughtBy: sweep('never hears the outcome of any'),
  },
  {
    name: 'forget-pending',
    what: 'a restart forgets the handles that the newest slot names',
    file: 'core/checkpoint/restore.ts',
    find: '    pending: before?.pending ?? [],',
    replace: '    pending: [],',
    caughtBy: sweep('dies right after any'),
  },
  {
    name: 'mine-by-token',
    what: 'a slot counts as ours by who wrote it instead of by its bytes',
    file: 'core/checkpoint/log.ts',
    find: "    if (foundSha256 === sha256) return 'mine';",
    replace: "    if (decodeSlot(found, '').owner.pid === this.#env.self.pid) return 'mine';",
    caughtBy: { file: 'test/core/checkpoint/log.test.ts' },
  },
  {
    name: 'commit-by-link',
    what: 'a file is made visible by link and unlink, which brings it back after a reader took it',
    file: 'connectors/file/committer.ts',
    find: '      await this.#options.fs.rename(staged, final);',
    replace: '      await this.#options.fs.link(staged, final);\n      await this.#options.fs.unlink(staged);',
    caughtBy: sweep('dies, and its visible files are taken away, right after'),
  },
  {
    name: 'no-settling-slot',
    what: 'committed handles stay in the newest slot until the next checkpoint',
    file: 'core/checkpoint/coordinator.ts',
    find: '      onSettled: () => this.#settleInBackground(),',
    replace: '      onSettled: () => {},',
    caughtBy: { file: 'test/core/checkpoint/coordinator.test.ts' },
  },
  {
    name: 'no-output-marker',
    what: 'a lineage starts to write without leaving its marker in the output',
    file: 'core/checkpoint/state.ts',
    find: '  if (rootStore === undefined) return layout;',
    replace: '  if (rootStore === undefined || marker === undefined) return layout;',
    caughtBy: { file: 'test/core/checkpoint/state.test.ts' },
  },
  {
    name: 'no-sync-of-staged-files',
    what: 'a slot names staged files whose bytes may not survive a power loss',
    file: 'connectors/file/staging.ts',
    find: "      await withFileErrors({ doing: 'make durable', path: staged }, () => file.sync());\n",
    replace: '',
    caughtBy: sweep('loses power right after any'),
  },
  {
    name: 'no-sync-of-staged-names',
    what: 'a slot names staged files whose names may not survive a power loss',
    file: 'connectors/file/staging.ts',
    find: "    await withFileErrors({ doing: 'make durable', path: this.#staging }, () => directories.sync(this.#staging));\n",
    replace: '',
    caughtBy: sweep('loses power right after any'),
  },
  {
    name: 'no-sync-after-rename',
    what: 'a handle counts as settled although its rename may not survive a power loss',
    file: 'connectors/file/committer.ts',
    find: '      await this.#options.directories.sync(path);\n',
    replace: '',
    caughtBy: sweep('loses power right after any'),
  },
  {
    name: 'no-sync-of-slots',
    what: 'a slot counts as durable although its name may not survive a power loss',
    file: 'connectors/file/store.ts',
    find: '    await this.#directories.sync(directory);\n',
    replace: '',
    caughtBy: sweep('loses power right after any'),
  },
  {
    name: 'positions-ahead-of-sink',
    what: 'a barrier records the positions of a whole frame although the sink took a part of it',
    file: 'core/runtime/shard-task.ts',
    find: 'frame.positionsAfter(taken)',
    replace: 'frame.positionsAfter(frame.count)',
    caughtBy: { file: 'test/core/runtime/shard-task.test.ts' },
  },
];
