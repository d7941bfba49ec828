import { assert } from '../assert.ts';
import type { Env } from '../contract/env.ts';
import type { MemoryBudget } from '../contract/memory.ts';
import type { CommitPermit, FinishedPart, PendingHandle, Sink, Verdict } from '../contract/sink.ts';
import type { PositionCodec } from '../contract/source.ts';
import { SluiceError } from '../errors.ts';
import { decodeHandle, describeCovers } from './handles.ts';
import { type CheckpointLog, fenced, type LogCall } from './log.ts';
import { finishOpenParts, openPartsOf } from './open-parts.ts';
import { refuseMovedSink } from './restore.ts';
import { type Slot, type SlotSplit, type StoredSlot, succeedingSlot } from './slot.ts';

export type ResolveChoice = 'acceptLost' | 'replay';

export interface ResolveOptions {
  readonly log: CheckpointLog;
  readonly sink: Sink;
  readonly positions: PositionCodec<unknown>;
  readonly memory: MemoryBudget;
  readonly choice: ResolveChoice;
  /** Why, in the operator's words; kept in the log. */
  readonly reason: string;
  readonly by: string;
  readonly env: Env;
}

export interface Resolution {
  /** Handles that were pending and could be committed after all. */
  readonly committed: number;
  readonly lost: readonly PendingHandle[];
  /** What an earlier run was still writing and is not there any more. What is there, the next start finishes. */
  readonly lostOpen: readonly LostPart[];
  readonly stored: StoredSlot;
}

type LostPart = Extract<FinishedPart, { kind: 'lost' }>;

/**
 * The way out of a lost commit: claims the log, commits what can be committed, and writes a final slot that either gives the
 * lost handles up or moves their splits back to read the offsets again. Who, why and what stay in that slot.
 */
export async function resolveLost(options: ResolveOptions, call: LogCall): Promise<Resolution> {
  const { log, choice, reason, by, env } = options;
  const retained = await log.readAll(0, call);
  const newest = retained.at(-1);
  if (newest === undefined)
    throw new SluiceError('config', 'NO_CHECKPOINTS', { message: 'there is no checkpoint to resolve' });
  refuseMovedSink(newest.slot, options.sink);
  const epoch = newest.slot.seq + 1;
  const claim = await append(log, { ...succeedingSlot(newest, env), kind: 'claim', epoch }, call);

  const { committed, lost, open } = await lookAtOutput(options, claim.slot, call);
  const lostOpen = open.filter((part) => part.kind === 'lost');
  const { source, sinks } = claim.slot;
  const splits = choice === 'replay' ? rewound(options.positions, claim.slot, retained, { lost, open }) : source.splits;
  const state = sinks.main.state.filter((_, i) => open[i]?.kind === 'staged');
  const stored = await append(
    log,
    {
      ...succeedingSlot(claim, env),
      kind: 'final',
      resolution: {
        ...{ choice, reason, by },
        handles: [...lost.map((handle) => handle.id), ...lostOpen.map(({ place }) => `open ${place}`)],
      },
      source: { ...source, splits },
      sinks: { ...sinks, main: { ...sinks.main, state } },
      pending: [],
    },
    call,
  );
  return { committed, lost, lostOpen, stored };
}

async function append(log: CheckpointLog, slot: Slot, call: LogCall): Promise<StoredSlot> {
  const result = await log.append(slot, call);
  if (result.kind === 'taken') throw fenced(result.by?.slot, slot.seq);
  return result.stored;
}

/** Commits what can be committed, and looks whether what was open can be finished: the next start does that for good. */
async function lookAtOutput(
  { sink, memory, env }: ResolveOptions,
  claim: Slot,
  { signal }: LogCall,
): Promise<{ committed: number; lost: PendingHandle[]; open: FinishedPart[] }> {
  const { pipeline, lineage, layout, shard, epoch, seq } = claim;
  const handles = claim.pending.map((entry) => decodeHandle(sink.handles, entry));
  await using session = await sink.open({ pipeline, lineage, layout, shard, epoch, env, memory, signal });
  const lost: PendingHandle[] = [];
  for (const phase of [...new Set(handles.map((handle) => handle.phase))].sort((a, b) => a - b)) {
    const batch = handles.filter((handle) => handle.phase === phase);
    const verdicts = await session.committer.commit(batch, { seq, epoch } as CommitPermit, { signal });
    assert(verdicts.length === batch.length, 'a committer gives one verdict per handle');
    for (const [i, handle] of batch.entries()) {
      const verdict = verdicts[i] as Verdict;
      if (verdict.kind === 'retryLater') throw verdict.cause;
      if (verdict.kind === 'lost') lost.push(handle);
    }
  }
  const open = await finishOpenParts(session, openPartsOf(sink, claim));
  return { committed: handles.length - lost.length, lost, open };
}

/** Replaying is right only when nothing behind the lost offsets has become visible: it would be read a second time. */
function rewound(
  positions: PositionCodec<unknown>,
  claim: Slot,
  retained: readonly StoredSlot[],
  { lost, open }: { lost: readonly PendingHandle[]; open: readonly FinishedPart[] },
): SlotSplit[] {
  const lostOpen = open.find((part) => part.kind === 'lost');
  if (lostOpen !== undefined) throw cannotReplay(Object.keys(lostOpen.covers).join(', '), [lostOpen]);
  const lostIds = new Set(lost.map((handle) => handle.id));
  const { version } = claim.source;
  return claim.source.splits.map((split) => {
    const own = lost.filter((handle) => handle.covers[split.id] !== undefined);
    if (own.length === 0) return split;
    const from = Math.min(...own.map((handle) => (handle.covers[split.id] as readonly [number, number])[0]));
    const lastSeq = Math.max(...own.map((handle) => handle.seq));
    // Without the slots since then nobody can tell what else was committed.
    const isWhole = retained.some(({ slot }) => slot.seq === Math.min(...own.map((handle) => handle.seq)));
    const then = retained
      .find(({ slot }) => slot.seq === lastSeq)
      ?.slot.source.splits.find(({ id }) => id === split.id);
    const others = retained.flatMap(({ slot }) => slot.pending).filter(({ id }) => !lostIds.has(id));
    const stillOpen = open.flatMap((part) => (part.kind === 'staged' ? [part.handle] : []));
    const later = [...others, ...stillOpen].filter(({ covers }) => (covers[split.id]?.[1] ?? 0) > from);
    const isLast = then !== undefined && JSON.stringify(then.position) === JSON.stringify(split.position);
    if (!isWhole || !isLast || later.length > 0) throw cannotReplay(split.id, own);
    return { ...split, position: positions.encode(positions.rewind(positions.decode(version, split.position), from)) };
  });
}

function cannotReplay(split: string, lost: readonly (PendingHandle | LostPart)[]): SluiceError {
  return new SluiceError('config', 'REPLAY_WOULD_REPEAT', {
    message: `records of ${split} behind the lost ones are visible already, or will be, so a replay would repeat them`,
    help:
      `Run \`sluice checkpoints resolve --accept-lost\` and fetch ${lost.map(({ covers }) => describeCovers(covers)).join(', ')} ` +
      'with a second pipeline (source.start: offsets, source.stop: offsets).',
    details: { split, handles: lost.map((one) => ('id' in one ? one.id : one.place)) },
  });
}
