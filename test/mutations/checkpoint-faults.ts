import { type Mutation, simulator } from './mutation.ts';

const COORDINATOR = 'core/checkpoint/coordinator.ts';

/** Faults in cuts, commits and the sweep of orphans. Names in capitals are mutations of the protocol's models. */
export const checkpointFaults: readonly Mutation[] = [
  {
    name: 'commit-before-slot',
    what: 'files become visible before a slot names them',
    edits: [
      {
        file: COORDINATOR,
        find: '      this.#newest = await this.#append(slot);\n',
        replace: '      this.#queue.add(next.named, slot.seq);\n      this.#newest = await this.#append(slot);\n',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'abort-on-error',
    what: 'a slot that seems not written makes the writer discard what it staged (ABORT_ON_ERROR)',
    edits: [
      {
        file: COORDINATOR,
        find: '      this.#broken = error;\n',
        replace:
          '      this.#broken = error;\n' +
          '      const { pipeline, lineage, layout, epoch } = slot;\n' +
          '      await this.#options.committer.abortOrphans({ pipeline, lineage, layout, shard: slot.shard, epochBelow: epoch + 1 }, { handles: [], open: [] }, {});\n',
      },
    ],
    caughtBy: simulator(28),
  },
  {
    name: 'abort-on-close',
    what: 'closing a sink discards what this run staged and no slot of this run named',
    edits: [
      {
        file: 'connectors/file/sink.ts',
        find: '      [Symbol.asyncDispose]: async () => {},\n',
        replace:
          '      [Symbol.asyncDispose]: async () => {\n' +
          '        await committer.abortOrphans({ ...context, epochBelow: context.epoch + 1 }, { handles: [], open: [] }, {});\n' +
          '      },\n',
      },
    ],
    caughtBy: simulator(12),
  },
  {
    name: 'abort-before-claim',
    what: 'a start discards orphans before its claim is durable (ABORT_BEFORE_CLAIM)',
    edits: [
      {
        file: 'core/runtime/incarnation.ts',
        find: '      const claim = await claimShard(\n',
        replace:
          '      const retained = await log.readAll(0, { signal });\n' +
          '      const epoch = (retained.at(-1)?.slot.seq ?? 0) + 1;\n' +
          '      const place = { pipeline: settings.name, lineage: layout.lineage, layout: layout.layout, shard: SHARD };\n' +
          '      const early = await settings.sink.open({ ...place, epoch, env, memory, signal });\n' +
          '      const named = retained.flatMap(({ slot }) => slot.pending).map((one) => decodeHandle(settings.sink.handles, one));\n' +
          '      await early.committer.abortOrphans({ ...place, epochBelow: epoch }, { handles: named, open: [] }, { signal });\n' +
          '      const claim = await claimShard(\n',
      },
      {
        file: 'core/runtime/incarnation.ts',
        find: "import type { Layout } from '../checkpoint/layout.ts';\n",
        replace:
          "import { decodeHandle } from '../checkpoint/handles.ts';\nimport type { Layout } from '../checkpoint/layout.ts';\n",
      },
    ],
    caughtBy: simulator(3),
  },
  {
    name: 'abort-own-epoch',
    what: 'the sweep of orphans discards what its own run has staged, too',
    edits: [
      {
        file: 'connectors/filesink/orphan.ts',
        find: 'part.epoch < scope.epochBelow',
        replace: 'part.epoch <= scope.epochBelow',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'abort-newer-epochs',
    what: 'the sweep of a replaced run discards what its successor has staged',
    edits: [
      {
        file: 'connectors/filesink/orphan.ts',
        find: 'part.epoch < scope.epochBelow',
        replace: 'part.epoch !== scope.epochBelow',
      },
    ],
    caughtBy: simulator(86),
  },
  {
    name: 'forget-pending',
    what: 'a restart forgets the handles that the newest slot names (DROP_PENDING)',
    edits: [
      { file: 'core/checkpoint/restore.ts', find: '    pending: before?.pending ?? [],', replace: '    pending: [],' },
    ],
    caughtBy: simulator(8),
  },
  {
    name: 'forget-unsettled',
    what: 'a slot names its own handles and no more those that are not committed yet',
    edits: [
      {
        file: COORDINATOR,
        find: 'const pending = [...this.#queue.pending, ...next.named];',
        replace: 'const pending = next.named;',
      },
    ],
    caughtBy: simulator(22),
  },
  {
    name: 'forget-retried',
    what: 'a commit that has to be tried again counts as done',
    edits: [
      {
        file: 'core/checkpoint/commit-queue.ts',
        find: "      case 'retryLater': {\n",
        replace:
          "      case 'retryLater':\n        this.#entries.delete(handle.id);\n        return undefined;\n      case 'later' as never: {\n",
      },
    ],
    caughtBy: simulator(53),
  },
  {
    name: 'loss-of-the-replaced',
    what: 'a replaced run calls it a loss that retention took what its successor has read',
    edits: [
      {
        file: 'core/runtime/shard-task.ts',
        find: "      if (toSluiceError(error).kind === 'dataLoss') await this.#coordinator.proveOwner();\n",
        replace: '',
      },
    ],
    caughtBy: simulator(59),
  },
  {
    name: 'positions-after-staging',
    what: 'a cut takes its positions when its files are staged instead of when it cuts',
    edits: [
      {
        file: 'core/runtime/cuts.ts',
        find: '    const splits = table.snapshot();\n',
        replace: '',
      },
      {
        file: 'core/runtime/cuts.ts',
        find: '      const bytes = staged.handles.reduce(',
        replace: '      const splits = table.snapshot();\n      const bytes = staged.handles.reduce(',
      },
    ],
    caughtBy: simulator(11),
  },
  {
    name: 'no-settling-slot',
    what: 'committed handles stay in the newest slot until the next checkpoint',
    edits: [
      {
        file: COORDINATOR,
        find: '      onSettled: () => this.#settleInBackground(),',
        replace: '      onSettled: () => {},',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'positions-ahead-of-sink',
    what: 'a barrier records the positions of a whole frame although the sink took a part of it',
    edits: [
      {
        file: 'core/runtime/shard-task.ts',
        find: 'frame.positionsAfter(taken)',
        replace: 'frame.positionsAfter(frame.count)',
      },
    ],
    caughtBy: simulator(11),
  },
];
