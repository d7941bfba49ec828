import { webHdfs } from '../connectors/hdfs/index.ts';
import { startHdfs } from '../test/services/hdfs-cluster.ts';
import { HdfsOutput } from '../testing/ledger/index.ts';

/** A directory of a cluster, as measured programs are told of it. */
export interface HdfsTarget {
  urls: string[];
  user: string;
  path: string;
}

/** A private NameNode and DataNode of this run, gone afterwards. */
export async function useHdfs() {
  const cluster = await startHdfs({ say: console.log });
  const urls = [...cluster.urls];
  const { user } = cluster;
  let made = 0;
  /** An empty directory, for as long as `use` takes. */
  const inDirectory = async <T>(use: (target: HdfsTarget, output: HdfsOutput) => Promise<T>): Promise<T> => {
    const path = `/bench/${++made}`;
    try {
      return await use({ urls, user, path }, new HdfsOutput({ urls, user, root: `${path}/files` }));
    } finally {
      await webHdfs({ urls, user }).delete(path, { recursive: true });
    }
  };
  const clientOf = ({ urls, user }: HdfsTarget) => webHdfs({ urls, user });
  return { how: 'a private NameNode and DataNode', inDirectory, clientOf, stop: () => cluster.stop() };
}
