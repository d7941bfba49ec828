import { S3Bucket } from '../../test/services/s3-bucket.ts';
import type { OutputListing } from '../../testing/ledger/index.ts';
import { useHdfs } from '../hdfs.ts';
import { useS3 } from '../s3.ts';
import type { Target } from './ends.ts';

const PREFIX = 'raw';

/** An empty place of one measurement's own. */
export interface Place {
  readonly target: Target;
  readonly output: OutputListing;
  /** How many files are staged. */
  staged(): Promise<number>;
  /** Puts an empty file among the output. */
  putEmpty(path: string): Promise<void>;
}

/** A server of this run, and places there. */
export interface Server {
  readonly how: string;
  inPlace<T>(use: (place: Place) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export async function useServer(kind: string): Promise<Server> {
  if (kind === 's3') return await s3Server();
  if (kind === 'hdfs') return await hdfsServer();
  throw new Error(`--sink: expected s3 or hdfs, found "${kind}"`);
}

async function s3Server(): Promise<Server> {
  const { place, how, stop } = await useS3();
  const inPlace = async <T>(use: (place: Place) => Promise<T>): Promise<T> => {
    const bucket = await S3Bucket.create(place, 'bench');
    const { endpoint, accessKeyId, secretAccessKey } = bucket.place;
    try {
      return await use({
        target: { kind: 's3', prefix: PREFIX, endpoint, accessKeyId, secretAccessKey, bucket: bucket.name },
        output: bucket.output(PREFIX),
        staged: async () => (await bucket.uploads()).length,
        putEmpty: (path) => bucket.put(`${PREFIX}/${path}`, ''),
      });
    } finally {
      await bucket.remove();
    }
  };
  return { how, inPlace, stop };
}

async function hdfsServer(): Promise<Server> {
  const { how, inDirectory, clientOf, stop } = await useHdfs();
  const inPlace = <T>(use: (place: Place) => Promise<T>): Promise<T> =>
    inDirectory((target, output) => {
      const staged = async () => (await output.entries('.staging')).length;
      const client = clientOf(target);
      const putEmpty = (path: string) => client.create(`${target.path}/files/${path}`, Buffer.alloc(0));
      return use({ target: { kind: 'hdfs', ...target }, output, staged, putEmpty });
    });
  return { how, inPlace, stop };
}
