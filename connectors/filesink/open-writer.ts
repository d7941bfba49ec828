import type { RecordBatch, SinkContext } from '../../core/spi.ts';
import { type LineSettings, lineFormat } from '../formats/line-formats.ts';
import { encodeDirectoryName } from './directory-name.ts';
import { RANGE_BYTES_MAX, RawLane } from './lanes/raw-lane.ts';
import type { PartFiles } from './part-files.ts';
import { IN_FLIGHT_RANGES_MAX, PartWriter } from './part-writer.ts';
import type { Roll } from './settings.ts';

/** How much a writer takes before it waits for its files; 512 KiB and 4096 unless told. Small ones make it take frames piece by piece. */
export interface WriterLimits {
  readonly rangeBytesMax: number;
  readonly inFlightRangesMax: number;
}

/** What every file-like sink lets its user say about files. */
export interface OutputSettings extends LineSettings {
  readonly roll: Roll;
  readonly maxOpenParts: number;
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
export function openPartWriter<H>({
  settings,
  context,
  files,
  handleKind,
  limits,
}: OpenWriterOptions<H>): PartWriter<H> {
  const { line, extension } = lineFormat(settings);
  const { roll } = settings;
  const rangeBytesMax = limits?.rangeBytesMax ?? RANGE_BYTES_MAX;
  const directoryOf = (batch: RecordBatch) => encodeDirectoryName(batch.group);
  return new PartWriter<H>({
    owner: context,
    files,
    handleKind,
    extension,
    roll,
    env: context.env,
    openPartsMax: settings.maxOpenParts,
    inFlightRangesMax: limits?.inFlightRangesMax ?? IN_FLIGHT_RANGES_MAX,
    laneFor: (parts) => new RawLane<H>({ parts, line, roll, rangeBytesMax, directoryOf }),
  });
}
