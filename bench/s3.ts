import { NoS3, type S3Kind, type S3Place, startS3 } from '../test/services/s3-server.ts';

/** A bucket on a server, as measured programs are told of it. */
export interface S3Target extends S3Place {
  bucket: string;
}

/** What the sinks of the benchmarks are given to reach it. */
export function connectionOf({ endpoint, accessKeyId, secretAccessKey, bucket }: S3Target) {
  return { bucket, endpoint, credentials: { accessKeyId, secretAccessKey } };
}

/** The first needs Go once, the second Java: both are processes of ours, on the core of this harness. */
const KINDS: readonly S3Kind[] = ['versitygw', 's3proxy'];

/** A private server of this run, gone afterwards. */
export async function useS3(): Promise<{ place: S3Place; how: string; stop(): Promise<void> }> {
  // versitygw closes every connection after its answer, unless its environment says otherwise. AWS keeps them.
  process.env.VGW_KEEP_ALIVE = 'true';
  const problems: string[] = [];
  for (const kind of KINDS) {
    try {
      const server = await startS3(kind, console.log);
      return { place: server, how: `a private ${kind}`, stop: () => server.stop() };
    } catch (error) {
      if (!(error instanceof NoS3)) throw error;
      problems.push(error.message);
    }
  }
  throw new Error(problems.join('\n'));
}
