import { z } from 'zod';
import { SluiceError, type VersionedCodec } from '../../core/spi.ts';
import type { TwoNames } from '../filesink/two-names.ts';

/** The right to give one staged file its final name. Absolute paths: a later run needs nothing else but the cluster to use it. */
export interface HdfsHandle extends TwoNames {}

const version1 = z.strictObject({ staged: z.string(), final: z.string(), bytes: z.int().min(0) });

export const hdfsHandles: VersionedCodec<HdfsHandle> = {
  version: 1,
  encode: ({ staged, final, bytes }) => ({ staged, final, bytes }),
  decode: (version, value) => {
    if (version === 1) return version1.parse(value);
    throw new SluiceError('config', 'HDFS_HANDLE_VERSION', {
      message: `a file staged in HDFS was recorded in version ${version}, this version of Sluice reads up to 1`,
      help: 'Run the version of Sluice that wrote it, or a newer one.',
    });
  },
};
