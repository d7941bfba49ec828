import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { readDockerProblem, startS3Container } from './docker.ts';
import { S3Bucket } from './s3-bucket.ts';
import { NoS3, type S3Kind, type S3Place, type S3Server, startS3, testCredentials } from './s3-server.ts';

/** A server shared by whoever asks. `stop` ends it only when it was started here. */
export interface FoundS3 extends S3Place {
  /** Where it came from, as one phrase. */
  how: string;
  stop(): Promise<void>;
}

export type S3Search = ({ kind: 'found' } & FoundS3) | { kind: 'none'; why: string };

/** In this order: the first is small and fast, the second needs no Go. */
const ownKinds: readonly S3Kind[] = ['versitygw', 's3proxy'];

/** Finds an S3 server (SLUICE_TEST_S3), or starts one: in Docker, else a process of its own built with Go, else a JVM. */
export async function findS3(say: (line: string) => void): Promise<S3Search> {
  const given = process.env.SLUICE_TEST_S3;
  if (given) return { kind: 'found', ...givenS3(given), how: 'SLUICE_TEST_S3', stop: async () => {} };
  const noDocker = await readDockerProblem();
  const problems = ['SLUICE_TEST_S3 is not set (http://host:port of a server)'];
  if (noDocker !== undefined) problems.push(noDocker);
  else {
    try {
      return { kind: 'found', ...(await startS3Container(say)) };
    } catch (error) {
      say(`Docker could not start an S3 server: ${(error as Error).message}`);
      problems.push(`Docker could not start one: ${(error as Error).message}`);
    }
  }
  for (const kind of ownKinds) {
    try {
      const server = await startS3(kind, say);
      const { endpoint, accessKeyId, secretAccessKey } = server;
      const how = `${kind}, a process of its own`;
      return { kind: 'found', endpoint, accessKeyId, secretAccessKey, how, stop: () => server.stop() };
    } catch (error) {
      say(`no ${kind}: ${(error as Error).message}`);
      problems.push(`${kind}: ${(error as Error).message}`);
    }
  }
  return { kind: 'none', why: ['no S3 server to be had:', ...problems.map((problem) => `  ${problem}`)].join('\n') };
}

function givenS3(endpoint: string): S3Place {
  const { SLUICE_TEST_S3_KEY, SLUICE_TEST_S3_SECRET } = process.env;
  return {
    endpoint,
    accessKeyId: SLUICE_TEST_S3_KEY ?? testCredentials.accessKeyId,
    secretAccessKey: SLUICE_TEST_S3_SECRET ?? testCredentials.secretAccessKey,
  };
}

/** Why tests on the shared server must be skipped, or `false`: for the `skip` option of a test. */
export const skipWithoutS3: string | false = process.env.SLUICE_TEST_S3
  ? false
  : (process.env.SLUICE_TEST_S3_MISSING ?? 'SLUICE_TEST_S3 is not set; `npm test` finds or starts a server');

/** The server of this test run; only where `skipWithoutS3` is false. */
export function sharedS3(): S3Place {
  const endpoint = process.env.SLUICE_TEST_S3;
  if (!endpoint) throw new Error(String(skipWithoutS3));
  return givenS3(endpoint);
}

/** A server that one test may kill; `stop` it with the test. Undefined where none can be had: the test is skipped then. */
export async function testS3(t: TestContext, kinds: readonly S3Kind[] = ownKinds): Promise<S3Server | undefined> {
  const problems: string[] = [];
  for (const kind of kinds) {
    try {
      return await startS3(kind);
    } catch (error) {
      if (!(error instanceof NoS3)) throw error;
      problems.push(error.message);
    }
  }
  // Where there is no Go, the JVM is proof enough; one kind by its name may be missing.
  if (process.env.CI === 'true' && kinds === ownKinds) throw new Error(problems.join('\n'));
  t.skip(problems.join('; '));
  return undefined;
}

/** A bucket on the shared server for one test, removed with all that is in it when the test ends. */
export async function testBucket(t: TestContext): Promise<S3Bucket> {
  const bucket = await S3Bucket.create(sharedS3(), `sluice-test-${randomUUID().slice(0, 13)}`);
  t.after(() => bucket.remove());
  return bucket;
}
