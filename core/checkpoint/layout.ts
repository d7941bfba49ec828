import { z } from 'zod';
import type { CallOptions, Store } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';
import { json } from './slot.ts';

const LAYOUT_FORMAT = 'sluice-layout';
const MARKER_FORMAT = 'sluice-marker';
const FORMAT_VERSION = 1;

const fileHead = z.object({ format: z.string(), version: z.int() });

const layoutBody = z.object({
  pipeline: z.string(),
  layout: z.int().min(1),
  lineage: z.string(),
  shards: z.int().min(1),
  createdAt: z.string(),
  sink: z.object({ type: z.string(), identity: z.string() }),
  source: z.object({
    type: z.string(),
    clusterId: z.string().nullable(),
    version: z.int(),
    /** Where every split known at the very first start begins, so that `latest` is resolved once and for all. */
    splits: z.array(
      z.object({
        id: z.string(),
        group: z.string(),
        topicId: z.string().nullable(),
        position: json,
      }),
    ),
  }),
});

const markerBody = z.object({ pipeline: z.string(), lineage: z.string(), store: z.string() });

/** What is fixed at the very first start: `<store>/<pipeline>/layout-000001.json`. */
export type Layout = z.output<typeof layoutBody>;

/** Who writes into this output: `<sink root>/_sluice/<pipeline>.json`. */
export type OutputMarker = z.output<typeof markerBody>;

export async function readLayout(store: Store, pipeline: string, options: CallOptions): Promise<Layout | undefined> {
  const keys = await store.list(`${pipeline}/layout-`, '', options);
  const key = keys.at(-1);
  if (key === undefined) return undefined;
  const bytes = await store.get(key, options);
  if (bytes === undefined) return undefined;
  const where = `${store.identity}/${key}`;
  const layout = decode(bytes, LAYOUT_FORMAT, layoutBody, where);
  // Read as one shard, every other shard's records would be written a second time.
  if (layout.shards !== 1) throw newer(where, `${layout.shards} shards`);
  return layout;
}

/** Writes the layout unless one exists; returns the one that counts. */
export async function makeLayout(store: Store, layout: Layout, options: CallOptions): Promise<Layout> {
  await store.createIfAbsent(layoutKey(layout), encode(LAYOUT_FORMAT, layout), options);
  const found = await readLayout(store, layout.pipeline, options);
  if (found !== undefined) return found;
  throw new SluiceError('unavailable', 'LAYOUT_UNREADABLE', {
    message: `${store.identity}/${layoutKey(layout)} was written and cannot be read back`,
  });
}

export async function readMarker(
  store: Store,
  pipeline: string,
  options: CallOptions,
): Promise<OutputMarker | undefined> {
  const bytes = await store.get(markerKey(pipeline), options);
  return bytes === undefined
    ? undefined
    : decode(bytes, MARKER_FORMAT, markerBody, `${store.identity}/${markerKey(pipeline)}`);
}

/** Writes the marker unless one exists; returns the one that counts. */
export async function makeMarker(store: Store, marker: OutputMarker, options: CallOptions): Promise<OutputMarker> {
  await store.createIfAbsent(markerKey(marker.pipeline), encode(MARKER_FORMAT, marker), options);
  const found = await readMarker(store, marker.pipeline, options);
  if (found !== undefined) return found;
  throw new SluiceError('unavailable', 'MARKER_UNREADABLE', {
    message: `${store.identity}/${markerKey(marker.pipeline)} was written and cannot be read back`,
  });
}

/** Before another takes its place: the user takes the output over, or the checkpoints have moved. */
export async function removeMarker(store: Store, pipeline: string, options: CallOptions): Promise<void> {
  await store.delete(markerKey(pipeline), options);
}

function layoutKey({ pipeline, layout }: Layout): string {
  return `${pipeline}/layout-${String(layout).padStart(6, '0')}.json`;
}

function markerKey(pipeline: string): string {
  return `${pipeline}.json`;
}

function encode(format: string, body: object): Buffer {
  return Buffer.from(`${JSON.stringify({ format, version: FORMAT_VERSION, ...body }, null, 1)}\n`);
}

function decode<T>(bytes: Uint8Array, format: string, body: z.ZodType<T>, where: string): T {
  const value = parseJson(bytes, where);
  const head = fileHead.safeParse(value);
  if (!head.success || head.data.format !== format) throw damaged(where, `it is not a ${format}`);
  if (head.data.version > FORMAT_VERSION) throw newer(where, `format version ${head.data.version}`);
  const parsed = body.safeParse(value);
  if (!parsed.success) throw damaged(where, z.prettifyError(parsed.error));
  return parsed.data;
}

function newer(where: string, what: string): SluiceError {
  return new SluiceError('config', 'LAYOUT_NEWER', {
    message: `${where} was written by a newer Sluice (${what})`,
    help: 'Run that version or a later one.',
    details: { where },
  });
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw damaged(where, 'it is not whole JSON');
  }
}

function damaged(where: string, why: string): SluiceError {
  return new SluiceError('dataLoss', 'LAYOUT_DAMAGED', {
    message: `${where} cannot be read: ${why}`,
    help: 'Restore this file from a backup. Deleting it would start over and repeat every record.',
    details: { where },
  });
}
