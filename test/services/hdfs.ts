import type { TestContext } from 'node:test';
import { type Hdfs, type HdfsOptions, type HdfsPlace, NoHdfs, startHdfs } from './hdfs-cluster.ts';
import { HDFS_SUPERUSER } from './hdfs-settings.ts';

/** Started by the first test of a process that asks; it ends with the process. */
let shared: Promise<Hdfs> | undefined;

/**
 * A cluster that tests share and none may harm: SLUICE_TEST_HDFS (urls of its NameNodes, commas between them), else JVMs of
 * this process. Undefined where none can be had: the test is skipped then.
 */
export async function sharedHdfs(t: TestContext): Promise<HdfsPlace | undefined> {
  const given = givenHdfs();
  if (given !== undefined) return given;
  shared ??= startHdfs();
  return orSkipped(t, shared);
}

export type HdfsSearch =
  | ({ readonly kind: 'found'; readonly how: string; stop(): Promise<void> } & HdfsPlace)
  | { readonly kind: 'none'; readonly why: string };

/** The cluster of the environment, else JVMs that end with `stop`. */
export async function findHdfs(say: (line: string) => void): Promise<HdfsSearch> {
  const given = givenHdfs();
  if (given !== undefined) return { kind: 'found', how: 'SLUICE_TEST_HDFS', ...given, stop: async () => {} };
  try {
    const cluster = await startHdfs({ say });
    const { urls, user } = cluster;
    return {
      kind: 'found',
      how: 'a NameNode and a DataNode, JVMs of their own',
      urls,
      user,
      stop: () => cluster.stop(),
    };
  } catch (error) {
    if (error instanceof NoHdfs) return { kind: 'none', why: error.message };
    throw error;
  }
}

function givenHdfs(): HdfsPlace | undefined {
  const given = process.env.SLUICE_TEST_HDFS;
  if (!given) return undefined;
  return { urls: given.split(','), user: process.env.SLUICE_TEST_HDFS_USER ?? HDFS_SUPERUSER };
}

/** A cluster whose daemons one test may kill; it is stopped with the test. Undefined where none can be had, as above. */
export async function testHdfs(t: TestContext, options: HdfsOptions = {}): Promise<Hdfs | undefined> {
  const hdfs = await orSkipped(t, startHdfs(options));
  t.after(() => hdfs?.stop());
  return hdfs;
}

async function orSkipped<T>(t: TestContext, starting: Promise<T>): Promise<T | undefined> {
  try {
    return await starting;
  } catch (error) {
    if (!(error instanceof NoHdfs) || process.env.CI === 'true') throw error;
    t.skip(error.message);
    return undefined;
  }
}
