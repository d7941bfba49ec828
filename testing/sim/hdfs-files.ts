import { HdfsModel } from '../hdfs/model.ts';
import type { FileNode } from '../hdfs/tree.ts';
import type { Plan } from './plan.ts';

const EPOCH_MS = Date.UTC(2026, 0, 1);

/** A cluster as the plan has it: with a second NameNode where there is a failover. */
export function hdfsCluster({ faults }: Plan, elapsedMs: () => number): HdfsModel {
  const nameNodes = ['http://nn1.test:9870', ...(faults.has('failover') ? ['http://nn2.test:9870'] : [])];
  const dataNodes = ['http://dn1.test:9864', 'http://dn2.test:9864', 'http://dn3.test:9864'];
  return new HdfsModel({ nameNodes, dataNodes, nowMs: () => EPOCH_MS + elapsedMs() });
}

/** Every file below a directory, by its path from there; those that are written to among them. */
export function hdfsFilesBelow(hdfs: HdfsModel, directory: string): Map<string, FileNode> {
  const start = `${directory}/`;
  const below = hdfs.files().filter(([path]) => path.startsWith(start));
  return new Map(below.map(([path, file]) => [path.slice(start.length), file]));
}

/** Somebody with another client removes a file. */
export function removeHdfsFile(hdfs: HdfsModel, path: string): void {
  const { node } = hdfs.tree.find(path);
  if (node !== undefined) hdfs.tree.take(node, node.modifiedMs);
}
