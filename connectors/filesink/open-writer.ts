import type { LineFormat, RecordBatch, SinkContext } from '../../core/spi.ts';
import { lineFormat } from '../formats/line-formats.ts';
import { DirectoryOf } from './directories/renderer.ts';
import { ChunkPool } from './lanes/chunk-pool.ts';
import { CopyTaker } from './lanes/copy-taker.ts';
import type { Lane, Parts } from './lanes/lane.ts';
import { LineFilling } from './lanes/line-filling.ts';
import { RANGE_BYTES_MAX, RawLane } from './lanes/raw-lane.ts';
import { RoutedLane } from './lanes/routed-lane.ts';
import type { Filling } from './open-part.ts';
import type { PartFiles } from './part-files.ts';
import { IN_FLIGHT_RANGES_MAX, PartWriter } from './part-writer.ts';
import type { OutputSettings } from './settings.ts';

/** Of the process's memory, what may gather outside of frames before it is given to files. */
const GATHER_SHARE = 1 / 8;

/** How much a writer takes before it waits for its files; 512 KiB and 4096 unless told. Small ones make it take frames piece by piece. */
export interface WriterLimits {
  readonly rangeBytesMax: number;
  readonly inFlightRangesMax: number;
}

export interface OpenWriterOptions<H> {
  readonly settings: OutputSettings;
  readonly context: SinkContext;
  readonly files: PartFiles<H>;
  /** The `kind` of every handle. */
  readonly handleKind: string;
  readonly limits?: WriterLimits | undefined;
}

/** The writer of a file-like sink, as its settings want it. */
export async function openPartWriter<H>(options: OpenWriterOptions<H>): Promise<PartWriter<H>> {
  const { settings, context, files, handleKind, limits } = options;
  const { line, extension } = lineFormat(settings);
  const way = await wayOf(options, line);
  return new PartWriter<H>({
    owner: context,
    files,
    handleKind,
    extension,
    roll: settings.roll,
    env: context.env,
    openPartsMax: settings.maxOpenParts,
    inFlightRangesMax: limits?.inFlightRangesMax ?? IN_FLIGHT_RANGES_MAX,
    ...way,
  });
}

interface Way<H> {
  laneFor(parts: Parts<H>): Lane;
  newFilling?: () => Filling;
  onClosed?: () => void;
}

async function wayOf<H>({ settings, context, limits }: OpenWriterOptions<H>, line: LineFormat): Promise<Way<H>> {
  const { pipeline, env, memory, signal } = context;
  const { directory, time, roll, nulls } = settings;
  const directories = new DirectoryOf(directory, { pipeline, time, clock: env.clock });
  if (directories.needs.perBatch) {
    const rangeBytesMax = limits?.rangeBytesMax ?? RANGE_BYTES_MAX;
    const directoryOf = (batch: RecordBatch) => directories.directoryFor(batchAsRecord(batch));
    return { laneFor: (parts) => new RawLane<H>({ parts, line, roll, rangeBytesMax, directoryOf }) };
  }
  const reservation = await memory.reserve(0, { signal });
  const pool = new ChunkPool({ limitBytes: memory.limitBytes * GATHER_SHARE, reservation });
  const taker = new CopyTaker<H>(line);
  return {
    laneFor: (parts) => new RoutedLane<H>({ parts, taker, nulls, directories }),
    newFilling: () => new LineFilling(pool),
    onClosed: () => reservation.release(),
  };
}

/** Where all records of a batch go is decided by what they have in common. */
function batchAsRecord({ group: topic, index: partition }: RecordBatch) {
  const nothing = {
    offset: 0,
    timestampMs: -1,
    bytes: Buffer.alloc(0),
    valueStart: -1,
    valueEnd: 0,
    key: null,
    headers: [],
  };
  return { topic, partition, ...nothing };
}
