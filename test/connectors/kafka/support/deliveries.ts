import type { BadBatch } from '../../../../connectors/kafka/batch.ts';
import type { AbortedTransaction } from '../../../../connectors/kafka/fetch-request.ts';
import { buildFrame, scanPartition } from '../../../../connectors/kafka/frame.ts';
import { FramePool } from '../../../../connectors/kafka/frame-pool.ts';
import type { KafkaPosition } from '../../../../connectors/kafka/positions.ts';
import { type Frame, type RecordBatch, SlabPool, type ValueColumns } from '../../../../core/spi.ts';
import { recordsOf } from '../../../../testing/records.ts';

export interface DeliveryShape {
  from?: number;
  to?: number;
  aborted?: readonly AbortedTransaction[];
  readCommitted?: boolean;
  decompressedBytesMax?: number;
  split?: string;
  scratchPool?: FramePool;
}

/** The frame that batches of one partition make, as if a broker had sent them; broken ones are collected in `bad`. */
export function frameOf(
  batches: readonly Buffer[],
  shape: DeliveryShape = {},
): { frame: Frame | undefined; bad: BadBatch[] } {
  return frameOfSplits([{ ...shape, batches }], shape);
}

export function frameOfSplits(
  splits: readonly (DeliveryShape & { batches: readonly Buffer[] })[],
  { readCommitted = true, decompressedBytesMax = 1 << 20, scratchPool = new FramePool() }: DeliveryShape = {},
): { frame: Frame | undefined; bad: BadBatch[] } {
  const bad: BadBatch[] = [];
  // Memory of its own with foreign bytes around it, as in a pooled receive buffer.
  const bytes = Buffer.concat([
    Buffer.alloc(7, 0xff),
    ...splits.flatMap(({ batches }) => batches),
    Buffer.alloc(64, 0xff),
  ]);
  let at = 7;
  const partitions = splits.map(
    ({ batches, from = 0, to = Number.POSITIVE_INFINITY, aborted = [], split = 'clicks/0' }) => {
      const start = at;
      at += batches.reduce((sum, batch) => sum + batch.length, 0);
      const position = { offset: from, leaderEpoch: -1 };
      const scanned = scanPartition(bytes, start, at, position);
      if (scanned.bad !== undefined) bad.push(scanned.bad);
      return {
        split,
        topic: split.split('/')[0] as string,
        partition: Number(split.split('/')[1]),
        from: position,
        offsetTo: to,
        scanned,
        aborted,
        onBadBatch: (error: BadBatch) => bad.push(error),
      };
    },
  );
  const frame = buildFrame({
    bytes,
    partitions,
    readCommitted,
    decompressedBytesMax,
    slabs: new SlabPool(),
    scratchPool,
    recycle: () => {},
  });
  return { frame, bad };
}

/** The one batch of a frame. */
export function onlyBatch(frame: Frame | undefined): RecordBatch {
  const batch = frame?.batches[0];
  if (batch === undefined || frame?.batches.length !== 1)
    throw new Error(`one batch expected, ${frame?.batches.length} found`);
  return batch;
}

/** The values of a batch by the raw lane. */
export function valuesOf(batch: RecordBatch): (string | null)[] {
  const into: ValueColumns = { start: new Int32Array(batch.count), end: new Int32Array(batch.count) };
  const { bytes } = batch.decodeValues(into);
  return Array.from(into.start, (start, index) => (start < 0 ? null : bytes.toString('utf8', start, into.end[index])));
}

/** The positions of all splits of a frame after `taken` records. */
export function positionsAfter(frame: Frame | undefined, taken: number): (KafkaPosition & { split: string })[] {
  return (frame?.positionsAfter(taken) ?? []).map(({ split, position }) => ({ split, ...(position as KafkaPosition) }));
}

/** All values of a frame, checked to be the same by both lanes. */
export function allValues(frame: Frame | undefined): (string | null)[] {
  return (frame?.batches ?? []).flatMap((batch) => {
    const values = valuesOf(batch);
    const viaColumns = recordsOf(batch).map(({ value }) => value?.toString() ?? null);
    if (JSON.stringify(values) !== JSON.stringify(viaColumns)) {
      throw new Error(`lanes differ: ${JSON.stringify(values)} and ${JSON.stringify(viaColumns)}`);
    }
    return values;
  });
}

/** All offsets of a frame, by columns. */
export function allOffsets(frame: Frame | undefined): number[] {
  return (frame?.batches ?? []).flatMap((batch) => recordsOf(batch).map(({ offset }) => offset));
}
