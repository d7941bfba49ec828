import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Json } from '../contract/codec.ts';
import type { Env } from '../contract/env.ts';
import { SluiceError } from '../errors.ts';

const SLOT_FORMAT = 'sluice-slot';
const SLOT_VERSION = 2;
/** Of slots without open parts, which every version can go on from. */
const VERSION_WITHOUT_OPEN_PARTS = 1;

/** Somebody else's value as `JSON.parse` gave it: passed on untouched, whatever its keys, to be written again the same. */
export const json = z.custom<Json>((value) => value !== undefined, 'expected a value');
const seq = z.int().min(1);

const splitState = z.object({
  id: z.string(),
  group: z.string(),
  topicId: z.string().nullable(),
  position: json,
  watermark: z.number().nullable(),
  operatorRefs: z.array(z.string()),
});

const pendingEntry = z.object({
  sink: z.enum(['main', 'deadLetter']),
  id: z.string(),
  seq,
  epoch: seq,
  phase: z.int(),
  covers: z.record(z.string(), z.tuple([z.number(), z.number()])),
  kind: z.string(),
  version: z.int(),
  payload: json,
});

const sinkState = z.object({
  type: z.string(),
  identity: z.string(),
  /** Parts that stay open across checkpoints; none where all parts end at the barrier. */
  state: z.array(z.object({ version: z.int(), value: json })),
  /** Handles ever named in this log: the next one's id. */
  counter: z.int().min(0),
});

const slotHead = z.object({ format: z.literal(SLOT_FORMAT), version: z.int(), kind: z.string() });

const slotBody = z.object({
  pipeline: z.string(),
  lineage: z.string(),
  layout: z.int().min(1),
  shard: z.int().min(0),
  seq,
  epoch: seq,
  token: z.string(),
  kind: z.enum(['claim', 'checkpoint', 'final', 'sealed']),
  createdAt: z.string(),
  owner: z.object({ host: z.string(), pid: z.int(), version: z.string() }),
  previous: z.object({ seq, sha256: z.string() }).nullable(),
  restoredFrom: seq.optional(),
  resolution: z
    .object({
      choice: z.enum(['acceptLost', 'replay']),
      reason: z.string(),
      by: z.string(),
      handles: z.array(z.string()),
    })
    .optional(),
  discard: z.array(z.string()),
  source: z.object({
    type: z.string(),
    clusterId: z.string().nullable(),
    version: z.int(),
    splits: z.array(splitState),
  }),
  sinks: z.object({ main: sinkState, deadLetter: sinkState.optional() }),
  pending: z.array(pendingEntry),
  stats: z.object({ records: z.number(), bytes: z.number() }),
  configHash: z.string(),
});

/** One numbered, immutable entry of the checkpoint log, as design section 4 lays it out. */
export type Slot = z.output<typeof slotBody>;
export type SlotSplit = Slot['source']['splits'][number];
export type SlotPending = Slot['pending'][number];
export type SlotKind = Slot['kind'];

/** A slot as it stands in the store. */
export interface StoredSlot {
  readonly slot: Slot;
  readonly sha256: string;
}

/** The next slot with nothing changed: what every slot but the first starts from. */
export function succeedingSlot({ slot, sha256 }: StoredSlot, env: Env): Slot {
  const { restoredFrom: _, resolution: __, ...carried } = slot;
  return {
    ...carried,
    seq: slot.seq + 1,
    token: env.ids.hex(16),
    createdAt: env.clock.isoNow(),
    owner: env.self,
    previous: { seq: slot.seq, sha256 },
  };
}

/** Readable JSON with a fixed order of keys, so that the same slot is always the same bytes. */
export function encodeSlot(slot: Slot): Buffer {
  const { pipeline, lineage, layout, shard, seq, epoch, token, kind, createdAt, owner, previous, ...rest } = slot;
  const { restoredFrom, resolution, discard, source, sinks, pending, stats, configHash } = rest;
  const ordered = {
    format: SLOT_FORMAT,
    version: sinks.main.state.length === 0 ? VERSION_WITHOUT_OPEN_PARTS : SLOT_VERSION,
    ...{ pipeline, lineage, layout, shard, seq, epoch, token, kind, createdAt, owner, previous },
    ...(restoredFrom === undefined ? {} : { restoredFrom }),
    ...(resolution === undefined ? {} : { resolution }),
    ...{ discard, source, sinks, pending, stats, configHash },
  };
  return Buffer.from(`${JSON.stringify(ordered, null, 1)}\n`);
}

/** Throws `config` for a slot of a newer Sluice, which must never be claimed over, and `dataLoss` for one that is damaged. */
export function decodeSlot(bytes: Uint8Array, where: string): Slot {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw damagedSlot(where, 'it is not whole JSON', cause);
  }
  const head = slotHead.safeParse(value);
  if (!head.success) throw damagedSlot(where, 'it is not a checkpoint slot', head.error);
  const known = slotBody.shape.kind.options as readonly string[];
  if (head.data.version > SLOT_VERSION || !known.includes(head.data.kind)) {
    throw new SluiceError('config', 'SLOT_NEWER', {
      message: `${where} was written by a newer Sluice (format version ${head.data.version}, kind ${head.data.kind})`,
      help: 'Run that version or a later one. This one leaves the checkpoint log as it is.',
      details: { where, version: head.data.version, kind: head.data.kind },
    });
  }
  const body = slotBody.safeParse(value);
  if (!body.success) throw damagedSlot(where, z.prettifyError(body.error), body.error);
  return body.data;
}

/** Whether `decodeSlot` gives a slot for these bytes. */
export function isReadable(bytes: Uint8Array): boolean {
  try {
    decodeSlot(bytes, '');
    return true;
  } catch {
    return false; // Why not is for those who ask `decodeSlot`.
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function damagedSlot(where: string, why: string, cause: unknown): SluiceError {
  return new SluiceError('dataLoss', 'SLOT_DAMAGED', {
    message: `the checkpoint slot ${where} cannot be read: ${why}`,
    help: 'Restore this file from a backup of the checkpoint store. Deleting it would repeat or lose records.',
    details: { where },
    cause,
  });
}
