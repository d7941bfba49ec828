import { answer } from './answers.ts';
import { type BatchShape, encodeBatch, type TestRecord } from './batch-encoder.ts';
import { type Answer, ClusterState, type ModelRequest, type ModelTopic } from './cluster-state.ts';
import { PartitionLog } from './partition-log.ts';

export interface AppendOptions extends Pick<BatchShape, 'codec' | 'lastOffsetDelta'> {
  /** Its records belong to its transaction when it has one open. */
  producerId?: number;
}

const NO_LEADER = -1;

/**
 * A Kafka cluster without sockets, time or chance: what its brokers know, what happens to it, and what they answer to the
 * bytes of a request. Everything takes effect at once.
 */
export class KafkaModel {
  readonly state: ClusterState;
  /** Logs that a producer wrote to in its open transaction. */
  readonly #transactions = new Map<number, Set<PartitionLog>>();
  /** What was sent to a partition without a leader. */
  readonly #due = new Map<PartitionLog, (() => void)[]>();
  #waiting = new Set<() => void>();
  #topicsMade = 0;

  constructor({ nodes = 1, clusterId = 'model' }: { nodes?: number; clusterId?: string } = {}) {
    this.state = new ClusterState({ clusterId });
    for (let nodeId = 1; nodeId <= nodes; nodeId++) {
      this.state.nodes.set(nodeId, { host: `node-${nodeId}`, port: 9092, running: true });
    }
  }

  /** What a running node answers now. When it asks to wait, ask again after a change, or take the answer as it is. */
  answer(request: ModelRequest): Answer {
    return answer(this.state, request);
  }

  /** Calls `run` once, when something has changed; the returned function forgets it. */
  onChange(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** Something has changed that waiting fetches may want to know. */
  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const run of waiting) run();
  }

  /** As `host:port`, for settings. */
  get addresses(): string[] {
    return [...this.state.nodes.values()].map(({ host, port }) => `${host}:${port}`);
  }

  partitionCount(topic: string): number {
    return this.#topic(topic).partitions.length;
  }

  endOffset(topic: string, partition: number): number {
    return this.partition(topic, partition).endOffset;
  }

  partition(topic: string, partition: number): PartitionLog {
    const log = this.#topic(topic).partitions[partition];
    if (log === undefined) throw new Error(`there is no partition ${topic}/${partition}`);
    return log;
  }

  // Topics.

  createTopic(name: string, partitions: number): ModelTopic {
    if (this.state.topics.has(name)) throw new Error(`topic ${name} exists`);
    const id = Buffer.alloc(16);
    id.writeUInt32BE(++this.#topicsMade, 12);
    const topic: ModelTopic = { id, partitions: [] };
    this.state.topics.set(name, topic);
    this.addPartitions(name, partitions);
    return topic;
  }

  addPartitions(name: string, total: number): void {
    const { partitions } = this.#topic(name);
    const running = this.state.running();
    while (partitions.length < total) {
      const [leader = NO_LEADER] = running[partitions.length % running.length] ?? [];
      partitions.push(new PartitionLog(leader));
    }
    this.changed();
  }

  deleteTopic(name: string): void {
    const { partitions } = this.#topic(name);
    for (const log of partitions) {
      this.#due.delete(log);
      for (const touched of this.#transactions.values()) touched.delete(log);
    }
    this.state.topics.delete(name);
    this.changed();
  }

  /** Another topic under the same name: empty, with an id of its own. */
  recreateTopic(name: string): ModelTopic {
    const partitions = this.partitionCount(name);
    this.deleteTopic(name);
    return this.createTopic(name, partitions);
  }

  // Logs.

  /** One batch at the end of a partition. Returns its base offset; undefined without a leader: it is written once there is one. */
  append(
    topic: string,
    partition: number,
    records: readonly TestRecord[],
    { producerId, ...shape }: AppendOptions = {},
  ): number | undefined {
    const log = this.partition(topic, partition);
    const transaction = producerId === undefined ? undefined : this.#transactions.get(producerId);
    transaction?.add(log);
    const producer = producerId === undefined ? {} : { producerId, transactional: transaction !== undefined };
    let baseOffset: number | undefined;
    this.#write(log, () => {
      baseOffset = log.nextOffset;
      const bytes = encodeBatch(records, { ...shape, ...producer, baseOffset, leaderEpoch: log.leaderEpoch });
      log.append(bytes, timesOf(records, baseOffset));
    });
    this.changed();
    return baseOffset;
  }

  /** Offsets that compaction has emptied: as a batch without records, or as nothing at all before the next batch. */
  leaveGap(topic: string, partition: number, count: number, { asEmptyBatch }: { asEmptyBatch: boolean }): void {
    this.partition(topic, partition).leaveGap(count, { asEmptyBatch });
    this.changed();
  }

  /** Retention, or a DeleteRecords request; at most everything. */
  deleteRecordsBefore(topic: string, partition: number, offset: number): void {
    this.partition(topic, partition).deleteBefore(offset);
    this.changed();
  }

  /** An unclean election: the new leader, which may be the same node, has nothing from the batch with `offset` on. */
  truncate(topic: string, partition: number, offset: number, nodeId?: number): void {
    const log = this.partition(topic, partition);
    log.truncate(offset);
    // Transactions whose markers are gone are open again, and can be ended again.
    for (const producerId of log.ongoing) this.#touched(producerId).add(log);
    this.#elect(log, nodeId ?? log.leader);
    this.changed();
  }

  // Transactions.

  beginTransaction(producerId: number): void {
    if (this.#transactions.has(producerId)) throw new Error(`producer ${producerId} has a transaction open`);
    this.#transactions.set(producerId, new Set());
  }

  /** Writes a marker to every partition that the transaction touched, where there is no leader as soon as there is one. */
  endTransaction(producerId: number, outcome: 'commit' | 'abort'): void {
    const touched = this.#transactions.get(producerId);
    if (touched === undefined) throw new Error(`producer ${producerId} has no transaction open`);
    this.#transactions.delete(producerId);
    for (const log of touched) this.#write(log, () => log.mark(outcome, producerId));
    this.changed();
  }

  /** Producers with an open transaction. */
  get openTransactions(): readonly number[] {
    return [...this.#transactions.keys()];
  }

  // Nodes.

  /** The old leader keeps running. Only a running node can be elected: with another nothing happens. */
  moveLeader(topic: string, partition: number, nodeId: number): void {
    if (!this.state.isRunning(nodeId)) return;
    this.#elect(this.partition(topic, partition), nodeId);
    this.changed();
  }

  /** Its partitions move to a running node, or with `leaderless` stay without a leader until a node starts. */
  stopNode(nodeId: number, { leaderless = false }: { leaderless?: boolean } = {}): void {
    this.#node(nodeId).running = false;
    const [successor = NO_LEADER] = leaderless ? [] : (this.state.running()[0] ?? []);
    for (const log of this.#logs()) if (log.leader === nodeId) this.#elect(log, successor);
    this.changed();
  }

  /** It takes over what has no leader. */
  startNode(nodeId: number): void {
    this.#node(nodeId).running = true;
    for (const log of this.#logs()) if (log.leader === NO_LEADER) this.#elect(log, nodeId);
    this.changed();
  }

  #elect(log: PartitionLog, nodeId: number): void {
    log.elect(nodeId);
    if (nodeId === NO_LEADER) return;
    for (const write of this.#due.get(log) ?? []) write();
    this.#due.delete(log);
  }

  #write(log: PartitionLog, write: () => void): void {
    if (log.leader !== NO_LEADER) write();
    else this.#due.set(log, [...(this.#due.get(log) ?? []), write]);
  }

  *#logs(): Iterable<PartitionLog> {
    for (const { partitions } of this.state.topics.values()) yield* partitions;
  }

  #touched(producerId: number): Set<PartitionLog> {
    const touched = this.#transactions.get(producerId) ?? new Set();
    this.#transactions.set(producerId, touched);
    return touched;
  }

  #topic(name: string): ModelTopic {
    const topic = this.state.topics.get(name);
    if (topic === undefined) throw new Error(`there is no topic ${name}`);
    return topic;
  }

  #node(nodeId: number): { running: boolean } {
    const node = this.state.nodes.get(nodeId);
    if (node === undefined) throw new Error(`there is no node ${nodeId}`);
    return node;
  }
}

/** Undefined when no record has a time of its own. */
function timesOf(records: readonly TestRecord[], baseOffset: number) {
  if (!records.some(({ timestampMs }) => timestampMs !== undefined)) return undefined;
  let delta = -1;
  return records.map(({ offsetDelta, timestampMs = 0 }) => {
    delta = offsetDelta ?? delta + 1;
    return { offset: baseOffset + delta, timestampMs };
  });
}
