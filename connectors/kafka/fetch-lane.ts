import {
  assert,
  type Env,
  type MemoryBudget,
  type Reservation,
  type SluiceError,
  toSluiceError,
} from '../../core/spi.ts';
import type { RawReply } from './broker-port.ts';
import type { Cluster } from './cluster.ts';
import { responseMalformed } from './connection-errors.ts';
import { refusedByBroker } from './errors.ts';
import { type FetchedPartition, type FetchRequest, type FetchResponse, fetchApi } from './fetch-request.ts';
import { type PartitionDelivery, scanPartition } from './frame.ts';
import { pauseMs, type ReadSplit } from './read-split.ts';
import { badBatchError } from './record-batch.ts';
import { Wakeup } from './wakeup.ts';

/** Answers waiting to be polled and in flight: two keep both sides busy. */
const AHEAD_MAX = 2;

/** A fetch response with records, and the memory behind it. */
export interface Delivery {
  readonly lane: FetchLane;
  /** May be longer than what was received. */
  readonly bytes: Buffer;
  readonly receivedBytes: number;
  readonly partitions: readonly (PartitionDelivery & { readSplit: ReadSplit })[];
  /** Gives the buffer and its share of the memory budget back. */
  recycle(): void;
}

/** What a lane needs of the reader it works for. */
export interface LaneHost {
  readonly env: Env;
  readonly cluster: Cluster;
  readonly memory: MemoryBudget;
  readonly signal: AbortSignal;
  readonly maxWaitMs: number;
  readonly maxPartitionBytes: number;
  readonly readCommitted: boolean;
  /** How much to ask for, by what the budget allows. */
  requestBytes(): number;
  /** The splits that this broker leads now, fairest first. */
  splitsOf(nodeId: number): ReadSplit[];
  isCurrent(split: ReadSplit): boolean;
  deliver(delivery: Delivery): void;
  /** An answer came: a split may have ended or have a new end offset. */
  answered(): void;
  /** A partition was refused with a code other than 0. */
  refused(split: ReadSplit, errorCode: number): void;
  /** The broker cannot be asked; its splits have been sent looking for a leader. */
  broken(nodeId: number, splits: readonly ReadSplit[], error: SluiceError): void;
}

/** The loop that fetches from one broker: one request in flight, the next one sent before the last is looked at. */
export class FetchLane {
  readonly nodeId: number;
  readonly #host: LaneHost;
  readonly #wakeup = new Wakeup();
  /** Splits in the order in which they are asked for: who got records goes to the end. */
  readonly #order = new Map<ReadSplit, true>();
  #readyCount = 0;
  #failures = 0;

  constructor(nodeId: number, host: LaneHost) {
    this.nodeId = nodeId;
    this.#host = host;
  }

  wake(): void {
    this.#wakeup.notify();
  }

  /** One of its deliveries was polled. */
  taken(): void {
    this.#readyCount--;
    this.#wakeup.notify();
  }

  async run(): Promise<void> {
    const { signal } = this.#host;
    signal.addEventListener('abort', () => this.wake(), { once: true });
    while (!signal.aborted) {
      if (this.#readyCount >= AHEAD_MAX || this.#asked().length === 0) await this.#wakeup.wait();
      else await this.#fetch();
    }
  }

  /** The splits to ask for. A request may hold a partition once, and those at its front are served first. */
  #asked(): ReadSplit[] {
    const now = new Set(this.#host.splitsOf(this.nodeId));
    for (const split of this.#order.keys()) if (!now.has(split)) this.#order.delete(split);
    for (const split of now) if (!this.#order.has(split)) this.#order.set(split, true);
    return [...this.#order.keys()];
  }

  async #fetch(): Promise<void> {
    const { memory, signal, env } = this.#host;
    const maxBytes = this.#host.requestBytes();
    let reservation: Reservation | undefined;
    let asked: ReadSplit[] = [];
    const giveBack = () => reservation?.release();
    try {
      reservation = await memory.reserve(maxBytes, { signal });
      // At the end of the run at once: the answer may never come.
      signal.addEventListener('abort', giveBack, { once: true });
      if (signal.aborted) return reservation.release();
      // Waiting for memory may have taken long.
      asked = this.#asked();
      if (asked.length === 0) return reservation.release();
      const reply = await this.#request(asked, maxBytes);
      env.metrics.add('fetches', 1);
      await this.#take(asked, reply, reservation);
      this.#failures = 0;
    } catch (error) {
      giveBack();
      if (signal.aborted) return;
      this.#failures++;
      await env.timers.sleep(pauseMs(this.#failures, env.random.next()), { signal });
      const splits = asked.filter((split) => this.#host.isCurrent(split) && split.state.kind === 'fetching');
      this.#host.broken(this.nodeId, splits, toSluiceError(error));
    } finally {
      signal.removeEventListener('abort', giveBack);
    }
  }

  #request(asked: readonly ReadSplit[], maxBytes: number): Promise<RawReply & { asked: FetchRequest }> {
    const { cluster, maxWaitMs, maxPartitionBytes, readCommitted } = this.#host;
    const request: FetchRequest = {
      maxWaitMs,
      maxBytes,
      readCommitted,
      partitions: asked.map(({ split, position, state }) => ({
        topic: split.group,
        partition: split.index,
        leaderEpoch: state.kind === 'fetching' ? state.leaderEpoch : -1,
        offset: position.offset,
        maxBytes: Math.min(maxPartitionBytes, maxBytes),
      })),
    };
    return cluster
      .callRaw(this.nodeId, fetchApi, request, { lane: 'fetch', brokerWaitMs: maxWaitMs })
      .then((reply) => Object.assign(reply, { asked: request }));
  }

  async #take(
    asked: readonly ReadSplit[],
    reply: RawReply & { asked: FetchRequest },
    reservation: Reservation,
  ): Promise<void> {
    const recycle = () => {
      reply.release();
      reservation.release();
    };
    let response: FetchResponse;
    try {
      response = this.#decode(reply);
    } catch (error) {
      reply.release();
      throw error;
    }
    const { bytes } = reply.reader;
    const partitions = this.#scanAll(asked, reply.asked, response, bytes);
    if (partitions.length === 0) recycle();
    else {
      reservation.resize(bytes.length);
      this.#readyCount++;
      this.#host.deliver({ lane: this, bytes, receivedBytes: reply.reader.end, partitions, recycle });
    }
    this.#host.answered();
    // A quota: the broker wants to be left alone for so long.
    if (response.throttleMs > 0) await this.#host.env.timers.sleep(response.throttleMs, { signal: this.#host.signal });
  }

  #decode(reply: RawReply): FetchResponse {
    const where = `broker ${this.nodeId}`;
    let response: FetchResponse;
    try {
      response = fetchApi.decode(reply.reader);
    } catch (error) {
      throw responseMalformed(error, fetchApi.name, where);
    }
    if (response.errorCode === 0) return response;
    throw refusedByBroker(response.errorCode, { operation: 'Read', resource: where });
  }

  #scanAll(
    asked: readonly ReadSplit[],
    request: FetchRequest,
    response: FetchResponse,
    bytes: Buffer,
  ): (PartitionDelivery & { readSplit: ReadSplit })[] {
    const bySplit = new Map(asked.map((split, index) => [split.split.id, { split, index }]));
    const deliveries: (PartitionDelivery & { readSplit: ReadSplit })[] = [];
    for (const fetched of response.partitions) {
      const found = bySplit.get(`${fetched.topic}/${fetched.partition}`);
      if (found === undefined) continue;
      const { split: readSplit, index } = found;
      // Revoked, assigned anew or failed while the request was on its way.
      if (!this.#host.isCurrent(readSplit) || readSplit.state.kind !== 'fetching') continue;
      assert(readSplit.position.offset === request.partitions[index]?.offset, 'a split moves only with its answers');
      if (fetched.errorCode !== 0) {
        this.#host.refused(readSplit, fetched.errorCode);
        continue;
      }
      readSplit.failures = 0;
      readSplit.endOffset = this.#host.readCommitted ? fetched.lastStableOffset : fetched.highWatermark;
      if (fetched.end === fetched.start) continue;
      deliveries.push(takePartition(readSplit, fetched, bytes));
      // Brokers fill an answer in the order asked for: whoever got something lets the others go first.
      this.#order.delete(readSplit);
      this.#order.set(readSplit, true);
    }
    return deliveries;
  }
}

/** Moves the split's position over everything the answer holds; its records are looked at later. */
function takePartition(
  readSplit: ReadSplit,
  fetched: FetchedPartition,
  bytes: Buffer,
): PartitionDelivery & { readSplit: ReadSplit } {
  const from = readSplit.position;
  const offsetTo = readSplit.offsetTo ?? Number.POSITIVE_INFINITY;
  const scanned = scanPartition(bytes, fetched.start, fetched.end, from);
  readSplit.position = scanned.next;
  const { bad } = scanned;
  const { id, group, index } = readSplit.split;
  if (scanned.next.offset >= offsetTo) readSplit.state = { kind: 'done' };
  else if (bad !== undefined) readSplit.fail(scanned.next.offset, badBatchError(bad, id));
  return {
    readSplit,
    split: id,
    topic: group,
    partition: index,
    from,
    offsetTo,
    scanned,
    aborted: fetched.aborted,
    // What lies before it in the same frame is delivered first.
    onBadBatch: (error) => readSplit.fail(0, badBatchError(error, id)),
  };
}
