import type { RecordBatch, Reservation, SinkContext, WriterEvents } from '../../core/spi.ts';
import { type Format, formatOf } from '../formats/settings.ts';
import { CompressedFiles } from './compression/compressed-files.ts';
import { type Compressor, nodeCompressor } from './compression/compressor.ts';
import { type ActiveCompression, COMPRESSION_EXTENSIONS } from './compression/settings.ts';
import { DirectoryOf } from './directories/renderer.ts';
import { ChunkPool } from './lanes/chunk-pool.ts';
import { CopyTaker } from './lanes/copy-taker.ts';
import { EncodeTaker } from './lanes/encode-taker.ts';
import { EncoderGathering } from './lanes/encoder-gathering.ts';
import { HeldBytes } from './lanes/held-bytes.ts';
import type { Lane, Parts } from './lanes/lane.ts';
import { LineGathering } from './lanes/line-gathering.ts';
import { RANGE_BYTES_MAX, RawLane } from './lanes/raw-lane.ts';
import { RoutedLane } from './lanes/routed-lane.ts';
import type { Gathering } from './open-part.ts';
import type { PartFiles } from './part-files.ts';
import type { PartNames } from './part-name.ts';
import { IN_FLIGHT_RANGES_MAX, PartWriter } from './part-writer.ts';
import type { OutputSettings } from './settings.ts';

/** Of the process's memory, what may gather outside of frames before it is given to files; as much again while it is compressed. */
const GATHER_SHARE = 1 / 4;

/** What a simulation changes of a writer. */
export interface WriterTuning {
  /** How much it takes before it waits for its files; 512 KiB and 4096 unless told. Small ones make it take frames piece by piece. */
  readonly rangeBytesMax?: number;
  readonly inFlightRangesMax?: number;
  /** By threads unless told: they answer when they like. */
  readonly compressorOf?: (compression: ActiveCompression) => Compressor;
}

export interface OpenWriterOptions<H, O = unknown> {
  readonly settings: OutputSettings;
  readonly context: SinkContext;
  readonly files: PartFiles<H, O>;
  /** Of this incarnation. */
  readonly names: PartNames;
  readonly events: WriterEvents;
  /** The `kind` of every handle. */
  readonly handleKind: string;
  /** Of the process's memory; less for a place that gathers itself. */
  readonly gatherShare?: number;
  readonly tuning?: WriterTuning | undefined;
}

/** The writer of a file-like sink, as its settings want it. */
export async function openPartWriter<H, O>(options: OpenWriterOptions<H, O>): Promise<PartWriter<H, O>> {
  const { settings, context, names, events, handleKind, tuning } = options;
  const format = formatOf(settings, context.env);
  const { extension } = format;
  const { compression } = settings;
  const reservations = new Reservations(context);
  const way = await wayOf(options, format, reservations);
  const packed = compression.type === 'none' ? undefined : await compressed(options, compression, reservations);
  return new PartWriter<H, O>({
    names,
    files: packed ?? options.files,
    handleKind,
    extension: compression.type === 'none' ? extension : `${extension}.${COMPRESSION_EXTENSIONS[compression.type]}`,
    roll: settings.roll,
    env: context.env,
    openPartsMax: settings.maxOpenParts,
    inFlightRangesMax: tuning?.inFlightRangesMax ?? IN_FLIGHT_RANGES_MAX,
    onClosedEarly: () => events.wantsCut(),
    onClosed: () => reservations.release(),
    ...way,
  });
}

/** What one writer has reserved of the process's memory. */
class Reservations {
  readonly #context: SinkContext;
  readonly #made: Reservation[] = [];

  constructor(context: SinkContext) {
    this.#context = context;
  }

  async make(): Promise<Reservation> {
    const { memory, signal } = this.#context;
    const reservation = await memory.reserve(0, { signal });
    this.#made.push(reservation);
    return reservation;
  }

  release(): void {
    for (const reservation of this.#made) reservation.release();
  }
}

async function compressed<H, O>(
  { files, context, tuning, gatherShare = GATHER_SHARE }: OpenWriterOptions<H, O>,
  compression: ActiveCompression,
  reservations: Reservations,
): Promise<PartFiles<H, O>> {
  return new CompressedFiles({
    files,
    compressor: (tuning?.compressorOf ?? nodeCompressor)(compression),
    fillingBytesMax: context.memory.limitBytes * gatherShare,
    reservation: await reservations.make(),
  });
}

interface Way<H> {
  laneFor(parts: Parts<H>): Lane;
  newGathering?: () => Gathering;
}

async function wayOf<H>(
  { settings, context, tuning, gatherShare = GATHER_SHARE }: OpenWriterOptions<H>,
  format: Format,
  reservations: Reservations,
): Promise<Way<H>> {
  const { pipeline, env, memory } = context;
  const { directory, time, roll, nulls } = settings;
  const directories = new DirectoryOf(directory, { pipeline, time, clock: env.clock });
  if (format.kind === 'lines' && directories.needs.perBatch) {
    const { line } = format;
    const rangeBytesMax = tuning?.rangeBytesMax ?? RANGE_BYTES_MAX;
    const placeOf = (batch: RecordBatch) => directories.placeFor(batchAsRecord(batch));
    return { laneFor: (parts) => new RawLane<H>({ parts, line, roll, rangeBytesMax, placeOf }) };
  }
  const limitBytes = memory.limitBytes * gatherShare;
  const held = new HeldBytes({ limitBytes, reservation: await reservations.make() });
  if (format.kind === 'lines') {
    const pool = new ChunkPool(held);
    const taker = new CopyTaker<H>(format.line);
    return {
      laneFor: (parts) => new RoutedLane<H>({ parts, taker, nulls, directories }),
      newGathering: () => new LineGathering(pool),
    };
  }
  const staysOpen = !roll.onCheckpoint;
  return {
    laneFor: (parts) => new RoutedLane<H>({ parts, taker: new EncodeTaker<H>(parts, held), nulls, directories }),
    newGathering: () => new EncoderGathering(format.format.begin({ staysOpen }), held),
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
