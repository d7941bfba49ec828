import { z } from 'zod';
import { SluiceError, type VersionedCodec } from '../../core/spi.ts';
import { type OpenPartState, openPartStates } from '../filesink/open-state.ts';
import type { TwoNames } from '../filesink/two-names.ts';

/** The right to give one staged file its final name. Absolute paths: a later run needs nothing else to use it. */
export interface FileHandle extends TwoNames {}

const version1 = z.strictObject({ staged: z.string(), final: z.string(), bytes: z.int().min(0) });

export const fileHandles: VersionedCodec<FileHandle> = {
  version: 1,
  encode: ({ staged, final, bytes }) => ({ staged, final, bytes }),
  decode: (version, value) => {
    if (version === 1) return version1.parse(value);
    throw new SluiceError('config', 'FILE_HANDLE_VERSION', {
      message: `a staged file was recorded in version ${version}, this version of Sluice reads up to 1`,
      help: 'Run the version of Sluice that wrote it, or a newer one.',
    });
  },
};

/** So much of a file that was begun: what is behind it belongs to nobody. */
export interface StagedBytes {
  readonly staged: string;
  readonly bytes: number;
}

/** A file that stays open: `bytes` of what is staged are durable and belong to it. */
export interface OpenFilePlace extends FileHandle {
  /** What has to follow them, where they are no whole file. */
  readonly journal?: StagedBytes | undefined;
}

export type OpenFileState = OpenPartState<OpenFilePlace>;

const journal = z.strictObject({ staged: z.string(), bytes: z.int().min(1) });
const openVersion1 = version1.extend({ journal: journal.optional() });

export const openFileStates: VersionedCodec<OpenFileState> = openPartStates({
  version: 1,
  encode: ({ staged, final, bytes, journal }: OpenFilePlace) => ({
    ...{ staged, final, bytes },
    ...(journal !== undefined && { journal: { staged: journal.staged, bytes: journal.bytes } }),
  }),
  decode: (_version, value) => openVersion1.parse(value),
});
