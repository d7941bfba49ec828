import { type Mutation, simulator } from './mutation.ts';

const COORDINATOR = 'core/checkpoint/coordinator.ts';
const LOG = 'core/checkpoint/log.ts';

/** Faults in the checkpoint log: its slots, claims, layout and store. Names in capitals are mutations of the protocol's models. */
export const logFaults: readonly Mutation[] = [
  {
    name: 'no-listing',
    what: 'a slot counts as written without the listing that shows a newer owner (NO_LIST)',
    edits: [
      {
        file: LOG,
        find: "    await this.proveOwner(slot, call);\n    return { kind: 'written'",
        replace: "    return { kind: 'written'",
      },
    ],
    caughtBy: simulator(59),
  },
  {
    name: 'deleted-before-fenced',
    what: 'a slot whose predecessor is gone is called deleted before a newer owner is looked for',
    edits: [
      {
        file: 'core/checkpoint/protocol.ts',
        find: "  if (highest > own) return { kind: 'fenced', by: highest };\n",
        replace:
          "  if (previous !== undefined && !listed.includes(previous)) return { kind: 'deleted', missing: previous };\n" +
          "  if (highest > own) return { kind: 'fenced', by: highest };\n",
      },
    ],
    caughtBy: simulator(44),
  },
  {
    name: 'mine-by-host',
    what: 'a slot counts as ours by the host that wrote it instead of by its bytes',
    edits: [
      {
        file: LOG,
        find: "    if (foundSha256 === sha256) return 'mine';",
        replace: "    if (decodeSlot(found, '').owner.host === this.#env.self.host) return 'mine';",
      },
    ],
    caughtBy: simulator(5),
  },
  {
    name: 'new-content',
    what: 'a slot that got no answer is sent again with what was staged since, and counts as ours by its owner (NEW_CONTENT, TOKEN_ONLY)',
    edits: [
      {
        file: LOG,
        find: "    if (foundSha256 === sha256) return 'mine';",
        replace: "    if (decodeSlot(found, '').owner.pid === this.#env.self.pid) return 'mine';",
      },
      {
        file: LOG,
        find: '      const answer = await this.#store.createIfAbsent(this.#keyOf(slot.seq), bytes, { signal: call.signal });\n',
        replace:
          '      const answer = await this.#store.createIfAbsent(this.#keyOf(slot.seq), bytes).catch(async (error) => {\n' +
          '        const isAbsent = (await this.#store.get(this.#keyOf(slot.seq))) === undefined;\n' +
          "        throw isAbsent && slot.kind === 'checkpoint' ? 'absent' : error;\n" +
          '      });\n',
      },
      {
        file: COORDINATOR,
        find: '      this.#newest = await this.#append(slot);\n',
        replace:
          "      const stored = await this.#append(slot).catch((error) => (error === 'absent' ? undefined : Promise.reject(error)));\n" +
          '      if (stored === undefined) {\n' +
          '        this.#broken = undefined;\n' +
          '        this.#unsent.push(...next.named.map((one) => ({ ...one, id: one.id + slot.token })));\n' +
          '        this.#unsentPlan = next;\n' +
          '        const again = () => this.#write(kind, () => (this.#unsentPlan === next ? { ...next, named: [] } : undefined));\n' +
          '        this.#options.env.timers.after(2_000, () => again().catch((error) => this.#fail(error)));\n' +
          '        return;\n' +
          '      }\n' +
          '      this.#newest = stored;\n' +
          '      this.#unsentPlan = undefined;\n' +
          '      next.named.push(...this.#unsent.splice(0));\n',
      },
      {
        file: COORDINATOR,
        find: '  #wake: (() => void)[] = [];\n',
        replace:
          '  #wake: (() => void)[] = [];\n  readonly #unsent: PendingHandle<H>[] = [];\n  #unsentPlan: unknown;\n',
      },
      {
        file: COORDINATOR,
        find: 'const pending = [...this.#queue.pending, ...next.named];',
        replace: 'const pending = [...this.#queue.pending, ...this.#unsent, ...next.named];',
      },
    ],
    caughtBy: simulator(272),
  },
  {
    name: 'taken-is-retried',
    what: 'a writer whose number is taken writes the next one instead of stopping',
    edits: [
      {
        file: COORDINATOR,
        find: "      if (result.kind === 'taken') throw fenced(result.by?.slot, slot.seq);\n",
        replace:
          "      if (result.kind === 'taken') {\n" +
          '        if (result.by === undefined) throw fenced(undefined, slot.seq);\n' +
          '        const previous = { seq: slot.seq, sha256: result.by.sha256 };\n' +
          '        return await this.#append({ ...slot, seq: slot.seq + 1, previous });\n' +
          '      }\n',
      },
    ],
    caughtBy: simulator(3),
  },
  {
    name: 'no-store-probe',
    what: 'a store does not have to prove its verbs before anything rests on them (OVERWRITE)',
    edits: [
      {
        file: 'core/runtime/incarnation.ts',
        find: 'proveStore: () => probeStore(store, settings.name, env, { signal }),',
        replace: 'proveStore: async () => {},',
      },
    ],
    caughtBy: simulator(16),
  },
  {
    name: 'retention-from-the-wrong-end',
    what: 'retention keeps the oldest slots and deletes the newest',
    edits: [
      {
        file: 'core/checkpoint/protocol.ts',
        find: 'suffix.slice(keepFrom)',
        replace: 'suffix.slice(0, suffix.length - keepFrom)',
      },
    ],
    caughtBy: simulator(1),
  },
  {
    name: 'retention-keeps-one',
    what: 'retention keeps nothing but the newest slot',
    edits: [{ file: 'core/checkpoint/protocol.ts', find: 'suffix.slice(keepFrom)', replace: 'suffix.slice(-1)' }],
    caughtBy: simulator(22),
  },
  {
    name: 'no-output-marker',
    what: 'a lineage starts to write without leaving its marker in the output',
    edits: [
      {
        file: 'core/checkpoint/state.ts',
        find: '  if (rootStore === undefined) return layout;',
        replace: '  if (rootStore === undefined || marker === undefined) return layout;',
      },
    ],
    caughtBy: simulator(215),
  },
  {
    name: 'marker-not-compared',
    what: 'an output whose checkpoints are gone is written again from the start',
    edits: [
      {
        file: 'core/checkpoint/state.ts',
        find: 'marker.lineage !== known?.lineage && !newLineage)',
        replace: 'known !== undefined && marker.lineage !== known.lineage && !newLineage)',
      },
    ],
    caughtBy: simulator(215),
  },
  {
    name: 'parked-dropped',
    what: 'a claim forgets the positions of partitions that it does not read now',
    edits: [
      {
        file: 'core/checkpoint/restore.ts',
        find: '    ...parked.map((split) => ({ ...split, position: source.codec.encode(positionOf(positions, split.id)) })),\n',
        replace: '    ...parked.slice(0, 0),\n',
      },
    ],
    caughtBy: simulator(740),
  },
  {
    name: 'proxy-is-a-liar',
    what: 'a store is refused because something on the way has sent a create twice',
    edits: [
      { file: 'core/checkpoint/probe.ts', find: 'if (winners.length > 1)', replace: 'if (winners.length !== 1)' },
    ],
    caughtBy: simulator(182),
  },
  {
    name: 'damaged-slot-is-absent',
    what: 'a slot that cannot be read is passed over',
    edits: [
      {
        file: 'core/checkpoint/restore.ts',
        find: '    const stored = await log.read(seq, call);\n',
        replace:
          '    const stored = await log.read(seq, call).catch((error: unknown) => {\n' +
          "      if ((error as { code?: string }).code !== 'SLOT_DAMAGED') throw error;\n" +
          '    });\n' +
          '    if (stored === undefined) continue;\n',
      },
    ],
    caughtBy: simulator(337),
  },
  {
    name: 'takes-it-back',
    what: 'a restart takes the pipeline back from an instance that took it over since',
    edits: [
      {
        file: 'core/checkpoint/own-claims.ts',
        find: 'newest.epoch > this.#epoch &&',
        replace: 'newest.epoch < this.#epoch &&',
      },
    ],
    caughtBy: simulator(7),
  },
];
