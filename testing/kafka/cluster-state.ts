import type { WireReader } from '../../connectors/kafka/wire.ts';
import type { PartitionLog } from './partition-log.ts';

/** Numbers of the requests that the model answers. */
export const FETCH = 1;
export const LIST_OFFSETS = 2;
export const METADATA = 3;
export const OFFSET_COMMIT = 8;
export const OFFSET_FETCH = 9;
export const FIND_COORDINATOR = 10;
export const API_VERSIONS = 18;
export const OFFSET_FOR_LEADER_EPOCH = 23;

/** Error codes that the model answers with. */
export const Refusal = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
} as const;

export interface ModelNode {
  host: string;
  port: number;
  running: boolean;
}

export interface ModelTopic {
  /** 16 bytes: another topic under the same name has another one. */
  readonly id: Buffer;
  readonly partitions: PartitionLog[];
}

export interface CommittedOffset {
  offset: number;
  leaderEpoch: number;
}

/** One request behind its header. */
export interface ModelRequest {
  nodeId: number;
  apiKey: number;
  apiVersion: number;
  reader: WireReader;
}

export interface Answer {
  body: Buffer;
  /** A fetch that found nothing: a broker waits up to so long for a change before it says so. 0 = answer now. */
  waitMs: number;
}

/** Everything that the brokers of a cluster know. */
export class ClusterState {
  readonly clusterId: string;
  readonly nodes = new Map<number, ModelNode>();
  readonly topics = new Map<string, ModelTopic>();
  /** Committed offsets by group and `topic/partition`. */
  readonly groups = new Map<string, Map<string, CommittedOffset>>();
  /** Versions of each request that the brokers offer, lowest and highest. */
  readonly versions: Record<number, [number, number]> = {
    [FETCH]: [4, 18],
    [LIST_OFFSETS]: [1, 10],
    [METADATA]: [0, 13],
    [OFFSET_COMMIT]: [2, 9],
    [OFFSET_FETCH]: [1, 9],
    [FIND_COORDINATOR]: [0, 6],
    [API_VERSIONS]: [0, 4],
    [OFFSET_FOR_LEADER_EPOCH]: [2, 4],
  };
  /** Error codes by `topic/partition`, given once each by the next fetch. */
  readonly fetchErrors = new Map<string, number>();
  /** Where an answer begins for a fetch at an offset: brokers may send records that lie before it. */
  readsFrom: (offset: number) => number = (offset) => offset;

  constructor({ clusterId }: { clusterId: string }) {
    this.clusterId = clusterId;
  }

  isRunning(nodeId: number): boolean {
    return this.nodes.get(nodeId)?.running === true;
  }

  /** The running nodes, lowest number first. */
  running(): [nodeId: number, node: ModelNode][] {
    return [...this.nodes].filter(([, { running }]) => running).sort(([a], [b]) => a - b);
  }

  /** The node that keeps the offsets of groups. */
  coordinator(): number | undefined {
    return this.running()[0]?.[0];
  }

  /** What `nodeId` says to a request for a partition: the log when it leads it in that epoch (-1 = any), or an error. */
  led(
    nodeId: number,
    { topic, partition, leaderEpoch }: { topic: string; partition: number; leaderEpoch: number },
  ): { log: PartitionLog; error: 0 } | { log: undefined; error: number } {
    const log = this.topics.get(topic)?.partitions[partition];
    if (log === undefined) return { log, error: Refusal.UNKNOWN_TOPIC_OR_PARTITION };
    const refuse = (error: number) => ({ log: undefined, error });
    if (leaderEpoch >= 0 && leaderEpoch < log.leaderEpoch) return refuse(Refusal.FENCED_LEADER_EPOCH);
    if (leaderEpoch > log.leaderEpoch) return refuse(Refusal.UNKNOWN_LEADER_EPOCH);
    if (log.leader !== nodeId) return refuse(Refusal.NOT_LEADER_OR_FOLLOWER);
    return { log, error: Refusal.NONE };
  }
}
