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

/** A file that stays open: `bytes` of what is staged are durable and belong to it. */
export type OpenFileState = OpenPartState<FileHandle>;

export const openFileStates: VersionedCodec<OpenFileState> = openPartStates(fileHandles);
