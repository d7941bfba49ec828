import { accessCases } from './access.ts';
import { clusterCases } from './cluster.ts';
import type { HdfsCase } from './lab.ts';
import { listingCases } from './listing.ts';
import { nameCases } from './names.ts';
import { openFileCases } from './open-files.ts';
import { pathCases } from './paths.ts';
import { writingCases } from './writing.ts';

/** What HDFS does, as cases for a real cluster, its gateway and the model. Those that harm the cluster come last. */
export const hdfsCases: readonly HdfsCase[] = [
  ...writingCases,
  ...openFileCases,
  ...nameCases,
  ...listingCases,
  ...pathCases,
  ...accessCases,
  ...clusterCases,
];

export { gatewayCases } from './gateway.ts';
