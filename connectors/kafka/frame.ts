import { RecordFrame, type SlabPool, type SplitPosition } from '../../core/spi.ts';
import { AbortedFilter } from './aborted.ts';
import { BadBatch, type BatchHeader, checkBatch, isControl, readBatchHeader } from './batch.ts';
import type { AbortedTransaction } from './fetch-request.ts';
import type { FramePool } from './frame-pool.ts';
import type { KafkaPosition } from './positions.ts';
import { type BatchSource, KafkaBatch } from './record-batch.ts';
import type { Inflation } from './request-size.ts';
import { PooledScratch, type Scratch } from './scratch.ts';

/** What the batch headers of one partition's answer say; no record has been touched. */
export interface ScannedPartition {
  readonly headers: readonly BatchHeader[];
  /** Where the next fetch of this partition begins. */
  readonly next: KafkaPosition;
  /** Reading cannot go on at `next`. */
  readonly bad: BadBatch | undefined;
}

/** Reads the headers between `start` and `end`, so that the next fetch can be sent before any record is looked at. */
export function scanPartition(bytes: Buffer, start: number, end: number, from: KafkaPosition): ScannedPartition {
  const headers: BatchHeader[] = [];
  let { offset, leaderEpoch } = from;
  let at = start;
  try {
    for (;;) {
      const header = readBatchHeader(bytes, at, end, offset);
      if (header === undefined) break;
      at = header.end;
      // The fetch offset may lie inside the first batch, never behind it.
      if (header.lastOffset < offset) {
        throw new BadBatch('format', offset, `offsets ${header.baseOffset} to ${header.lastOffset} were there before`);
      }
      if (headers.length > 0 && header.baseOffset < offset) {
        throw new BadBatch('format', offset, `offset ${header.baseOffset} comes twice`);
      }
      headers.push(header);
      offset = header.lastOffset + 1;
      leaderEpoch = header.leaderEpoch;
    }
    // Brokers cut the last batch at the size limit, but return the first one whole.
    if (at === start && end > start) throw new BadBatch('format', offset, `no whole batch in ${end - start} bytes`);
    return { headers, next: { offset, leaderEpoch }, bad: undefined };
  } catch (error) {
    if (!(error instanceof BadBatch)) throw error;
    return { headers, next: { offset, leaderEpoch }, bad: error };
  }
}

/** One partition of a fetch response, scanned. */
export interface PartitionDelivery {
  readonly split: string;
  readonly topic: string;
  readonly partition: number;
  /** The position it was fetched from. */
  readonly from: KafkaPosition;
  /** The stop position; Infinity = none. */
  readonly offsetTo: number;
  readonly scanned: ScannedPartition;
  readonly aborted: readonly AbortedTransaction[];
  onBadBatch(error: BadBatch): void;
}

export interface FrameSource {
  readonly bytes: Buffer;
  readonly partitions: readonly PartitionDelivery[];
  readonly readCommitted: boolean;
  readonly decompressedBytesMax: number;
  readonly slabs: SlabPool;
  /** Buffers for decompressed batches, one per frame. */
  readonly scratchPool: FramePool;
  recycle(inflation: Inflation): void;
}

interface SplitRange {
  split: string;
  batchFirst: number;
  batchEnd: number;
  from: KafkaPosition;
  to: KafkaPosition;
}

/**
 * Builds the frame of one fetch response: only visible batches, the positions behind everything else. Undefined when
 * nothing in it moves a position. A broken batch ends its partition: what comes before is delivered.
 */
export function buildFrame(source: FrameSource): RecordFrame | undefined {
  const batches: KafkaBatch[] = [];
  const ranges: SplitRange[] = [];
  const scratch = new PooledScratch(source.scratchPool);
  const inflation: Inflation = { compressed: 0, decompressed: 0 };
  for (const partition of source.partitions) {
    const batchFirst = batches.length;
    const to = addVisibleBatches(source, partition, { scratch, inflation }, batches);
    if (to.offset === partition.from.offset) continue;
    ranges.push({ split: partition.split, batchFirst, batchEnd: batches.length, from: partition.from, to });
  }
  if (ranges.length === 0) return undefined;
  return new RecordFrame({
    batches,
    positionsAt: (batchIndex, taken) => ranges.map((range) => positionIn(range, batches, batchIndex, taken)),
    slabs: source.slabs,
    recycle: () => {
      scratch.release();
      source.recycle(inflation);
    },
  });
}

/** Appends what is visible to `batches` and returns where reading goes on. */
function addVisibleBatches(
  source: FrameSource,
  partition: PartitionDelivery,
  shared: { scratch: Scratch; inflation: Inflation },
  batches: KafkaBatch[],
): KafkaPosition {
  const { split, topic, from, offsetTo, scanned } = partition;
  const filter = source.readCommitted ? new AbortedFilter(partition.aborted) : undefined;
  const batchSource = {
    split,
    topic,
    partition: partition.partition,
    frame: source.bytes,
    offsetFrom: from.offset,
    offsetTo,
    decompressedBytesMax: source.decompressedBytesMax,
    ...shared,
  };
  let last: KafkaBatch | undefined;
  let reached = from;
  try {
    for (const header of scanned.headers) {
      if (reached.offset >= offsetTo) break;
      const batch = visibleBatch(source.bytes, filter, header, batchSource);
      reached = { offset: Math.min(header.lastOffset + 1, offsetTo), leaderEpoch: header.leaderEpoch };
      if (batch === undefined) last?.extendTo(reached);
      else {
        batches.push(batch);
        last = batch;
      }
    }
  } catch (error) {
    if (!(error instanceof BadBatch)) throw error;
    partition.onBadBatch(error);
  }
  return reached;
}

function visibleBatch(
  bytes: Buffer,
  filter: AbortedFilter | undefined,
  header: BatchHeader,
  source: BatchSource,
): KafkaBatch | undefined {
  // A batch that is handed out is checked when it is walked; one that is left out would never be.
  if (isControl(header) || header.count === 0) checkBatch(bytes, header);
  const dropped = filter?.drops(bytes, header) ?? false;
  if (isControl(header) || header.count === 0) return undefined;
  if (dropped) {
    checkBatch(bytes, header);
    return undefined;
  }
  const batch = new KafkaBatch(source, header);
  return batch.count === 0 ? undefined : batch;
}

function positionIn(
  range: SplitRange,
  batches: readonly KafkaBatch[],
  batchIndex: number,
  taken: number,
): SplitPosition<KafkaPosition> {
  return { split: range.split, position: positionAt(range, batches, batchIndex, taken) };
}

function positionAt(
  range: SplitRange,
  batches: readonly KafkaBatch[],
  batchIndex: number,
  taken: number,
): KafkaPosition {
  if (batchIndex >= range.batchEnd) return range.to;
  if (batchIndex < range.batchFirst) return range.from;
  if (taken > 0) return (batches[batchIndex] as KafkaBatch).positionAfter(taken);
  if (batchIndex === range.batchFirst) return range.from;
  const before = batches[batchIndex - 1] as KafkaBatch;
  return before.positionAfter(before.count);
}
