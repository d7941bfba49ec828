import { checkpointFaults } from './checkpoint-faults.ts';
import { fileFaults } from './file-faults.ts';
import { hdfsFaults } from './hdfs-faults.ts';
import { kafkaFaults } from './kafka-faults.ts';
import { logFaults } from './log-faults.ts';
import type { Mutation } from './mutation.ts';
import { openFaults } from './open-faults.ts';
import { s3Faults } from './s3-faults.ts';

export type { Edit, Mutation } from './mutation.ts';

export const mutations: readonly Mutation[] = [
  ...logFaults,
  ...checkpointFaults,
  ...fileFaults,
  ...openFaults,
  ...hdfsFaults,
  ...s3Faults,
  ...kafkaFaults,
];
