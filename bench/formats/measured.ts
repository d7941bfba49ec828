import type { ParquetSettings } from '../../connectors/formats/parquet/settings.ts';

/** What a program prints. */
export interface Measured {
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** User and system, all threads. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** Takes JSON values in, and gives the bytes of files out. */
export type Program = (values: Iterable<Buffer>, compression: ParquetSettings['compression']) => Iterable<Uint8Array>;
