import { assert } from '../assert.ts';
import type { Env } from '../contract/env.ts';
import type { Sink } from '../contract/sink.ts';
import type { Discovery, PositionCodec, SourceSession, Split } from '../contract/source.ts';
import { SluiceError } from '../errors.ts';
import type { Layout } from './layout.ts';
import { type CheckpointLog, fenced, type LogCall } from './log.ts';
import { untilAvailable } from './lookup.ts';
import type { OwnClaims } from './own-claims.ts';
import { checkContinuity, claimWaitMs } from './protocol.ts';
import type { Slot, SlotKind, SlotSplit, StoredSlot } from './slot.ts';

/** More claims in a row than this do not make a start wait longer. */
const CLAIMS_LOOKED_AT = 10;

export interface ClaimOptions<P> {
  readonly log: CheckpointLog;
  readonly layout: Layout;
  readonly shard: number;
  readonly source: { readonly type: string; readonly codec: PositionCodec<P>; readonly session: SourceSession<P> };
  readonly discovery: Discovery;
  readonly sink: Pick<Sink, 'type' | 'identity'>;
  readonly configHash: string;
  readonly ownClaims: OwnClaims;
  readonly env: Env;
}

export interface Claim<P> {
  readonly stored: StoredSlot;
  /** The slot number of the claim. */
  readonly epoch: number;
  /** What to read, and from where. Splits in the slot that are not among them are parked. */
  readonly assigned: (Split & { position: P })[];
}

/**
 * Takes the log over: newest slot + 1 with the same offsets, states and pending handles, and with positions for splits that
 * have none yet. Nothing may be committed, aborted or polled before this returns. Throws `fenced` for a restart that finds the
 * pipeline taken over since.
 */
export async function claimShard<P>(options: ClaimOptions<P>, call: LogCall): Promise<Claim<P>> {
  const { log, env, ownClaims } = options;
  for (;;) {
    const recent = await untilAvailable(env, call, () => readRecent(log, call));
    const newest = recent[0]?.slot;
    if (newest !== undefined && ownClaims.replacedBy(newest)) throw fenced(newest, newest.seq);
    const waitMs = claimWaitMs(
      recent.map(({ slot }) => slot.kind),
      env.random.next(),
    );
    if (waitMs > 0) {
      await env.timers.sleep(waitMs, { signal: call.signal });
      const [newestNow] = await untilAvailable(env, call, () => readRecent(log, call));
      if (newestNow?.slot.seq !== newest?.seq) continue;
    }
    const { slot, assigned } = await planClaim(options, recent[0], call);
    ownClaims.sending(slot);
    const result = await log.append(slot, call);
    if (result.kind === 'written') {
      ownClaims.won(slot);
      return { stored: result.stored, epoch: slot.seq, assigned };
    }
    env.log.info('another instance claimed first, looking again', { seq: slot.seq, by: result.by?.slot.owner });
  }
}

/** Newest first: the newest slot and the claims right below it. */
async function readRecent(log: CheckpointLog, call: LogCall): Promise<StoredSlot[]> {
  const recent: StoredSlot[] = [];
  let kind: SlotKind = 'claim';
  for (const seq of (await log.list(0, call)).slice(-CLAIMS_LOOKED_AT).reverse()) {
    if (kind !== 'claim') break;
    const stored = await log.read(seq, call);
    // Only a newer owner deletes slots, so what was listed and is gone is below a newer slot that the next look will show.
    if (stored === undefined) throw slotVanished(log.where(seq));
    recent.push(stored);
    kind = stored.slot.kind;
  }
  return recent;
}

function slotVanished(where: string): SluiceError {
  return new SluiceError('unavailable', 'SLOT_VANISHED', { message: `${where} was deleted while it was read` });
}

async function planClaim<P>(
  options: ClaimOptions<P>,
  newest: StoredSlot | undefined,
  call: LogCall,
): Promise<{ slot: Slot; assigned: Claim<P>['assigned'] }> {
  const { layout, source, sink, env } = options;
  const before = newest?.slot;
  refuseWhatCannotGoOn(options, before);

  const saved = before?.source ?? { ...layout.source, splits: layout.source.splits.map(withoutOperators) };
  const discovery = withSavedIdentities(options.discovery, saved.splits);
  const positions = new Map(
    saved.splits.map((split) => [split.id, source.codec.decode(saved.version, split.position)]),
  );
  await addStartPositions(options, saved.splits, positions, call);

  const found = new Map(discovery.splits.map((split) => [split.id, split]));
  const parked = saved.splits.filter((split) => !found.has(split.id));
  const splits = [
    ...parked.map((split) => ({ ...split, position: source.codec.encode(positionOf(positions, split.id)) })),
    ...discovery.splits.map((split) => slotSplit(split, source.codec, positionOf(positions, split.id))),
  ].sort((a, b) => (a.id < b.id ? -1 : 1));
  checkContinuity(saved, { clusterId: discovery.clusterId, splits }, source.codec, {
    before: saved.version,
    now: source.codec.version,
  });

  const seq = (before?.seq ?? 0) + 1;
  const slot: Slot = {
    pipeline: layout.pipeline,
    lineage: layout.lineage,
    layout: layout.layout,
    shard: options.shard,
    seq,
    epoch: seq,
    token: env.ids.hex(16),
    kind: 'claim',
    createdAt: env.clock.isoNow(),
    owner: env.self,
    previous: newest === undefined ? null : { seq: newest.slot.seq, sha256: newest.sha256 },
    discard: before?.discard ?? [],
    source: {
      type: source.type,
      clusterId: discovery.clusterId ?? saved.clusterId,
      version: source.codec.version,
      splits,
    },
    sinks: {
      ...before?.sinks,
      main: {
        type: sink.type,
        identity: sink.identity,
        state: before?.sinks.main.state ?? [],
        counter: before?.sinks.main.counter ?? 0,
      },
    },
    pending: before?.pending ?? [],
    stats: before?.stats ?? { records: 0, bytes: 0 },
    configHash: options.configHash,
  };
  return { slot, assigned: discovery.splits.map((split) => ({ ...split, position: positionOf(positions, split.id) })) };
}

/** What a source cannot tell today is remembered, so that a recreated topic is noticed when it can tell again. */
function withSavedIdentities({ clusterId, splits }: Discovery, saved: readonly SlotSplit[]): Discovery {
  const identities = new Map(saved.map(({ id, topicId }) => [id, topicId]));
  return {
    clusterId,
    splits: splits.map((split) => ({ ...split, identity: split.identity ?? identities.get(split.id) ?? null })),
  };
}

/** A topic added to the configuration uses `start`, a partition added to a known topic begins at its earliest record. */
async function addStartPositions<P>(
  { source, discovery }: ClaimOptions<P>,
  saved: readonly SlotSplit[],
  positions: Map<string, P>,
  call: LogCall,
): Promise<void> {
  const unknown = discovery.splits.filter((split) => !positions.has(split.id));
  await resolvePositions(source.session, unknown, new Set(saved.map((split) => split.group)), positions, call.signal);
}

/** Resolves where splits without a position begin, into `positions`. */
export async function resolvePositions<P>(
  session: SourceSession<P>,
  splits: readonly Split[],
  knownGroups: ReadonlySet<string>,
  positions: Map<string, P>,
  signal: AbortSignal,
): Promise<void> {
  const reasons = {
    first: splits.filter(({ group }) => !knownGroups.has(group)),
    found: splits.filter(({ group }) => knownGroups.has(group)),
  };
  for (const why of ['first', 'found'] as const) {
    if (reasons[why].length === 0) continue;
    const starts = await session.startPositions(reasons[why], why, { signal });
    assert(starts.length === reasons[why].length, 'a source gives one start position per split');
    for (const [i, split] of reasons[why].entries()) positions.set(split.id, starts[i] as P);
  }
}

function refuseWhatCannotGoOn<P>({ layout, source, sink }: ClaimOptions<P>, newest: Slot | undefined): void {
  if (source.type !== layout.source.type) {
    throw new SluiceError('config', 'SOURCE_CHANGED', {
      message: `the checkpoints of "${layout.pipeline}" were made with source type ${layout.source.type}, not ${source.type}`,
      help: 'Give the pipeline with the new source another name.',
    });
  }
  if (newest === undefined) return;
  if (newest.lineage !== layout.lineage) throw foreignSlot(newest, layout);
  if (newest.kind === 'sealed') {
    throw new SluiceError('config', 'LOG_SEALED', {
      message: `the checkpoint log of "${layout.pipeline}" was sealed by a newer Sluice, which goes on in another layout`,
      help: 'Run that version or a later one.',
    });
  }
  refuseMovedSink(newest, sink);
}

/** What is pending can only be committed where it was staged. */
export function refuseMovedSink(newest: Slot, sink: Pick<Sink, 'identity'>): void {
  const { main } = newest.sinks;
  const unfinished = newest.pending.length + main.state.length;
  if (main.identity === sink.identity || unfinished === 0) return;
  throw new SluiceError('config', 'SINK_MOVED_WITH_PENDING', {
    message: `${unfinished} files of "${newest.pipeline}" still have to be committed in ${main.identity}, but the sink is now ${sink.identity}`,
    help: 'Start once with the old sink and stop with SIGTERM; then move it.',
    details: { pending: newest.pending.map((handle) => handle.id), before: main.identity, now: sink.identity },
  });
}

function foreignSlot(newest: Slot, layout: Layout): SluiceError {
  return new SluiceError('dataLoss', 'SLOT_OF_ANOTHER_LINEAGE', {
    message: `slot ${newest.seq} of "${layout.pipeline}" is of lineage ${newest.lineage}, but the layout beside it of ${layout.lineage}`,
    help: 'The folder mixes the checkpoints of two pipelines. Restore it as a whole from a backup.',
    details: { seq: newest.seq, slot: newest.lineage, layout: layout.lineage, owner: newest.owner },
  });
}

export function slotSplit<P>(split: Split, codec: PositionCodec<P>, position: P): SlotSplit {
  return {
    id: split.id,
    group: split.group,
    topicId: split.identity,
    position: codec.encode(position),
    watermark: null,
    operatorRefs: [],
  };
}

function withoutOperators(split: Layout['source']['splits'][number]): SlotSplit {
  return { ...split, watermark: null, operatorRefs: [] };
}

function positionOf<P>(positions: ReadonlyMap<string, P>, id: string): P {
  const position = positions.get(id);
  assert(position !== undefined, `split ${id} has a position`);
  return position;
}
