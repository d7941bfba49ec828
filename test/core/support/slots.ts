import type { Layout } from '../../../core/checkpoint/layout.ts';
import { encodeSlot, type Slot, type SlotPending, type StoredSlot, sha256Of } from '../../../core/checkpoint/slot.ts';
import type { VersionedCodec } from '../../../core/contract/codec.ts';
import type { PendingHandle } from '../../../core/contract/sink.ts';
import type { PositionCodec } from '../../../core/contract/source.ts';
import { SluiceError } from '../../../core/errors.ts';

export interface Offset {
  readonly offset: number;
}

export const offsets: PositionCodec<Offset> = {
  version: 1,
  encode: ({ offset }) => ({ offset }),
  decode: (version, value) => {
    if (version > 1) throw new SluiceError('config', 'POSITION_NEWER', { message: `position version ${version}` });
    return { offset: (value as { offset: number }).offset };
  },
  compare: (a, b) => a.offset - b.offset,
  offsetNext: ({ offset }) => offset,
  rewind: (_, offset) => ({ offset }),
};

/** Handles of the tests are the records they hold. */
export const records: VersionedCodec<readonly string[]> = {
  version: 1,
  encode: (payload) => [...payload],
  decode: (version, value) => {
    if (version > 1) throw new SluiceError('config', 'HANDLE_NEWER', { message: `handle version ${version}` });
    return value as string[];
  },
};

/** Positions by split id: `clicks/0` is partition 0 of clicks. */
export function splitsAt(positions: Record<string, number>): Slot['source']['splits'] {
  return Object.entries(positions).map(([id, offset]) => ({
    id,
    group: id.slice(0, id.lastIndexOf('/')),
    topicId: null,
    position: { offset },
    watermark: null,
    operatorRefs: [],
  }));
}

export type SlotFacts = Partial<Omit<Slot, 'source'>> & { positions?: Record<string, number> };

/** A whole slot from the few facts a test is about. */
export function slotOf({ positions = { 'clicks/0': 0 }, ...facts }: SlotFacts = {}): Slot {
  const seq = facts.seq ?? 1;
  return {
    pipeline: 'clicks',
    lineage: '0123456789abcdef',
    layout: 1,
    shard: 0,
    seq,
    epoch: 1,
    token: `token-${seq}`,
    kind: 'checkpoint',
    createdAt: '2026-01-01T00:00:00.000Z',
    owner: { host: 'one', pid: 1, version: '0.1.0' },
    previous: seq === 1 ? null : { seq: seq - 1, sha256: 'f'.repeat(64) },
    discard: [],
    source: { type: 'queue', clusterId: 'cluster-a', version: 1, splits: splitsAt(positions) },
    sinks: { main: { type: 'box', identity: 'box:a', state: [], counter: 0 } },
    pending: [],
    stats: { records: 0, bytes: 0 },
    configHash: 'hash',
    ...facts,
  };
}

export function pendingOf(facts: Partial<SlotPending> = {}): SlotPending {
  return {
    sink: 'main',
    id: 'main-00000001',
    seq: 1,
    epoch: 1,
    phase: 0,
    covers: { 'clicks/0': [0, 10] },
    kind: 'file',
    version: 1,
    payload: ['a'],
    ...facts,
  };
}

export function handleOf(facts: Partial<PendingHandle<readonly string[]>> = {}): PendingHandle<readonly string[]> {
  const { version: _, ...entry } = pendingOf();
  return { ...entry, payload: ['a'], ...facts };
}

export function layoutOf(facts: Partial<Layout> = {}): Layout {
  return {
    pipeline: 'clicks',
    layout: 1,
    lineage: '0123456789abcdef',
    shards: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    sink: { type: 'box', identity: 'box:a' },
    source: {
      type: 'queue',
      clusterId: 'cluster-a',
      version: 1,
      splits: [{ id: 'clicks/0', group: 'clicks', topicId: null, position: { offset: 0 } }],
    },
    ...facts,
  };
}

/** The slot as the store of the tests holds it. */
export function stored(slot: Slot): StoredSlot {
  return { slot, sha256: sha256Of(encodeSlot(slot)) };
}

/** Each slot naming the bytes of the one before. */
export function chainOf(facts: readonly SlotFacts[]): Slot[] {
  const chain: Slot[] = [];
  for (const [i, fact] of facts.entries()) {
    const before = chain.at(-1);
    const previous = before === undefined ? null : { seq: before.seq, sha256: stored(before).sha256 };
    chain.push(slotOf({ seq: i + 1, previous, ...fact }));
  }
  return chain;
}

export function keyOf(seq: number): string {
  return `clicks/000001/0000/${String(seq).padStart(12, '0')}.json`;
}
