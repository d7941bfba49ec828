import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WireReader, WireWriter } from '../../../../connectors/kafka/wire.ts';

/** What one stored batch is to the broker. */
interface Stored {
  bytes: Buffer;
  baseOffset: number;
  lastOffset: number;
  leaderEpoch: number;
}

/** One partition: batches as they were appended, and what the broker says about them. */
export class FakePartition {
  readonly batches: Stored[] = [];
  leader = 1;
  leaderEpoch = 0;
  logStartOffset = 0;
  /** Undefined = the end of the log. */
  lastStableOffset: number | undefined;
  aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];

  get endOffset(): number {
    return (this.batches.at(-1)?.lastOffset ?? this.logStartOffset - 1) + 1;
  }

  get stableOffset(): number {
    return this.lastStableOffset ?? this.endOffset;
  }

  append(bytes: Buffer): void {
    const baseOffset = Number(bytes.readBigInt64BE(0));
    const lastOffset = baseOffset + bytes.readInt32BE(23);
    this.batches.push({ bytes, baseOffset, lastOffset, leaderEpoch: bytes.readInt32BE(12) });
  }
}

export interface FakeTopic {
  id: string;
  partitions: FakePartition[];
}

export interface Call {
  apiKey: number;
  apiVersion: number;
  connection: number;
}

/** Answers one request in place of the broker: a body, `'close'` for a lost connection, `'ignore'` for silence. */
export type Intervention = Buffer | 'close' | 'ignore' | undefined;

export const FETCH = 1;
export const LIST_OFFSETS = 2;
export const METADATA = 3;
export const OFFSET_COMMIT = 8;
export const OFFSET_FETCH = 9;
export const FIND_COORDINATOR = 10;
export const API_VERSIONS = 18;
export const OFFSET_FOR_LEADER_EPOCH = 23;

const RANGES: Record<number, [number, number]> = {
  [FETCH]: [4, 18],
  [LIST_OFFSETS]: [1, 10],
  [METADATA]: [0, 13],
  [OFFSET_COMMIT]: [2, 9],
  [OFFSET_FETCH]: [1, 9],
  [FIND_COORDINATOR]: [0, 6],
  [API_VERSIONS]: [0, 4],
  [OFFSET_FOR_LEADER_EPOCH]: [2, 4],
};

/** One or more brokers in this process that speak enough of the protocol over real sockets to be read from. */
export class FakeCluster {
  readonly topics = new Map<string, FakeTopic>();
  readonly groups = new Map<string, Map<string, { offset: number; leaderEpoch: number }>>();
  readonly calls: Call[] = [];
  readonly ranges = { ...RANGES };
  clusterId = 'fake-cluster';
  /** Looks at every request first. */
  intervene: (call: Call, body: WireReader) => Intervention | Promise<Intervention> = () => undefined;
  /** Error codes by `topic/partition`, given once each by the next fetch. */
  readonly fetchErrors = new Map<string, number>();
  readonly #nodes = new Map<number, { server: Server; sockets: Set<Socket>; port: number }>();
  #connections = 0;
  #wake: (() => void)[] = [];
  #stopped = false;

  /** A cluster of `nodes` brokers that ends with the test. */
  static async start(t: TestContext, nodes = 1): Promise<FakeCluster> {
    const cluster = new FakeCluster();
    for (let nodeId = 1; nodeId <= nodes; nodeId++) await cluster.startNode(nodeId);
    t.after(() => cluster.stop());
    return cluster;
  }

  /** As `host:port` for settings. */
  get brokers(): string[] {
    return [...this.#nodes.values()].map(({ port }) => `127.0.0.1:${port}`);
  }

  topic(name: string, partitions = 1): FakeTopic {
    const topic = { id: `id-of-${name}`, partitions: Array.from({ length: partitions }, () => new FakePartition()) };
    this.topics.set(name, topic);
    return topic;
  }

  append(name: string, partition: number, bytes: Buffer): void {
    this.partition(name, partition).append(bytes);
    this.changed();
  }

  partition(name: string, partition: number): FakePartition {
    const found = this.topics.get(name)?.partitions[partition];
    if (found === undefined) throw new Error(`no partition ${name}/${partition}`);
    return found;
  }

  /** Lets waiting fetches look again. */
  changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async startNode(nodeId: number, port = 0): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => sockets.delete(socket));
      this.#serve(socket, nodeId, ++this.#connections);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#nodes.set(nodeId, { server, sockets, port: (server.address() as AddressInfo).port });
  }

  /** Stops listening and breaks every connection, as a killed process does. Returns its port. */
  async stopNode(nodeId: number): Promise<number> {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) throw new Error(`no node ${nodeId}`);
    for (const socket of node.sockets) socket.destroy();
    await new Promise((resolve) => node.server.close(resolve));
    return node.port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const nodeId of this.#nodes.keys()) await this.stopNode(nodeId);
    this.changed();
  }

  #serve(socket: Socket, nodeId: number, connection: number): void {
    let received = Buffer.alloc(0);
    let queue = Promise.resolve();
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const request = Buffer.from(received.subarray(4, 4 + received.readInt32BE(0)));
        received = received.subarray(4 + request.length);
        // Brokers answer the requests of one connection in order.
        queue = queue.then(() => this.#answer(socket, nodeId, connection, request));
      }
    });
  }

  async #answer(socket: Socket, nodeId: number, connection: number, request: Buffer): Promise<void> {
    const reader = new WireReader(request);
    const apiKey = reader.i16();
    const apiVersion = reader.i16();
    const correlationId = reader.i32();
    reader.nullableString();
    const flexible = (apiKey === METADATA && apiVersion >= 9) || (apiKey === API_VERSIONS && apiVersion >= 3);
    if (flexible) reader.skipTags();
    const call = { apiKey, apiVersion, connection };
    this.calls.push(call);
    const intervention = await this.intervene(call, new WireReader(reader.bytes, reader.offset));
    if (intervention === 'ignore') return;
    if (intervention === 'close') {
      socket.destroy();
      return;
    }
    const body = intervention ?? (await this.#respond(apiKey, apiVersion, reader, nodeId));
    const head = new WireWriter().i32(0).i32(correlationId);
    if (flexible && apiKey !== API_VERSIONS) head.noTags();
    const bytes = head.raw(body).done();
    bytes.writeInt32BE(bytes.length - 4, 0);
    if (!socket.destroyed) socket.write(bytes);
  }

  #respond(apiKey: number, apiVersion: number, reader: WireReader, nodeId: number): Buffer | Promise<Buffer> {
    switch (apiKey) {
      case API_VERSIONS:
        return this.#apiVersions(apiVersion);
      case METADATA:
        return this.#metadata(apiVersion, reader);
      case FETCH:
        return this.#fetch(reader, nodeId);
      case LIST_OFFSETS:
        return this.#listOffsets(reader);
      case OFFSET_FOR_LEADER_EPOCH:
        return this.#epochEnds(reader);
      case FIND_COORDINATOR: {
        const { port } = this.#nodes.get(1) as { port: number };
        return new WireWriter().i32(0).i16(0).string(null).i32(1).string('127.0.0.1').i32(port).done();
      }
      case OFFSET_COMMIT:
        return this.#offsetCommit(reader);
      case OFFSET_FETCH:
        return this.#offsetFetch(reader);
      default:
        throw new Error(`the fake broker knows no API ${apiKey}`);
    }
  }

  #apiVersions(version: number): Buffer {
    const writer = new WireWriter().i16(0);
    const entries = Object.entries(this.ranges).map(([key, [min, max]]) => [Number(key), min, max] as const);
    const write = ([key, min, max]: readonly [number, number, number]) => writer.i16(key).i16(min).i16(max);
    if (version < 3) return writer.array(entries, write).done();
    return writer
      .compactArray(entries, (entry) => write(entry).noTags())
      .i32(0)
      .noTags()
      .done();
  }

  #metadata(version: number, reader: WireReader): Buffer {
    const flexible = version >= 9;
    const named = flexible
      ? reader.compactArray(() => {
          reader.skip(16);
          const name = reader.compactNullableString();
          reader.skipTags();
          return name as string;
        })
      : reader.array(() => reader.string());
    // Null means all topics, an empty list none; both read as no names.
    const isNull = flexible
      ? reader.bytes[reader.offset - 1] === 0
      : reader.bytes.readInt32BE(reader.offset - 4) === -1;
    const names = named.length === 0 && isNull ? [...this.topics.keys()] : named;
    const writer = new WireWriter().i32(0);
    const text = (value: string | null) => (flexible ? writer.compactString(value) : writer.string(value));
    const list = <T>(items: readonly T[], write: (item: T) => void) =>
      flexible ? writer.compactArray(items, write) : writer.array(items, write);
    const end = () => (flexible ? writer.noTags() : writer);
    list([...this.#nodes], ([nodeId, { port }]) => {
      writer.i32(nodeId);
      text('127.0.0.1');
      writer.i32(port);
      text(null);
      end();
    });
    text(this.clusterId);
    writer.i32(1);
    list(names, (name) => {
      const topic = this.topics.get(name);
      writer.i16(topic === undefined ? 3 : 0);
      text(name);
      if (version >= 10) writer.raw(idBytes(topic?.id));
      writer.bool(name.startsWith('__'));
      list([...(topic?.partitions ?? []).entries()], ([index, { leader, leaderEpoch }]) => {
        writer
          .i16(leader < 0 ? 5 : 0)
          .i32(index)
          .i32(leader)
          .i32(leaderEpoch);
        for (let lists = 0; lists < 3; lists++) list([], () => {});
        end();
      });
      if (version >= 8) writer.i32(0);
      end();
    });
    if (version >= 8 && version <= 10) writer.i32(0);
    return end().done();
  }

  async #fetch(reader: WireReader, nodeId: number): Promise<Buffer> {
    reader.i32();
    const maxWaitMs = reader.i32();
    reader.i32();
    const maxBytes = reader.i32();
    const committed = reader.i8() === 1;
    reader.i32();
    reader.i32();
    const asked = reader.array(() => {
      const topic = reader.string();
      const partitions = reader.array(() => {
        const one = { partition: reader.i32(), leaderEpoch: reader.i32(), offset: reader.i64() };
        reader.i64();
        return { ...one, maxBytes: reader.i32() };
      });
      return { topic, partitions };
    });
    const giveUpAt = performance.now() + maxWaitMs;
    for (;;) {
      const { body, empty } = this.#fetchNow(asked, { nodeId, committed, maxBytes });
      const leftMs = giveUpAt - performance.now();
      if (!empty || leftMs <= 0 || this.#stopped) return body;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #fetchNow(
    asked: {
      topic: string;
      partitions: { partition: number; leaderEpoch: number; offset: number; maxBytes: number }[];
    }[],
    { nodeId, committed, maxBytes }: { nodeId: number; committed: boolean; maxBytes: number },
  ): { body: Buffer; empty: boolean } {
    let left = maxBytes;
    let empty = true;
    const writer = new WireWriter(1024).i32(0).i16(0).i32(0);
    writer.array(asked, ({ topic, partitions }) => {
      writer.string(topic).array(partitions, (one) => {
        const found = this.topics.get(topic)?.partitions[one.partition];
        const error = this.#fetchError(`${topic}/${one.partition}`, found, one, nodeId);
        if (error !== 0 || found === undefined) {
          empty = false;
          writer
            .i32(one.partition)
            .i16(error)
            .i64(-1)
            .i64(-1)
            .i64(-1)
            .array([], () => {})
            .i32(-1)
            .i32(0);
          return;
        }
        const limit = committed ? found.stableOffset : found.endOffset;
        const records = readRecords(found, one.offset, limit, Math.min(left, one.maxBytes), empty);
        left = Math.max(0, left - records.length);
        if (records.length > 0) empty = false;
        const aborted = committed ? found.aborted.filter(({ lastOffset }) => lastOffset >= one.offset) : [];
        writer.i32(one.partition).i16(0).i64(found.endOffset).i64(found.stableOffset).i64(found.logStartOffset);
        writer.array(aborted, ({ producerId, firstOffset }) => writer.i64(producerId).i64(firstOffset));
        writer.i32(-1).i32(records.length).raw(records);
      });
    });
    return { body: writer.done(), empty };
  }

  #fetchError(
    split: string,
    partition: FakePartition | undefined,
    { offset, leaderEpoch }: { offset: number; leaderEpoch: number },
    nodeId: number,
  ): number {
    const planned = this.fetchErrors.get(split);
    this.fetchErrors.delete(split);
    if (planned !== undefined) return planned;
    if (partition === undefined) return 3;
    if (partition.leader !== nodeId) return 6;
    if (leaderEpoch >= 0 && leaderEpoch < partition.leaderEpoch) return 74;
    if (leaderEpoch > partition.leaderEpoch) return 75;
    return offset < partition.logStartOffset || offset > partition.endOffset ? 1 : 0;
  }

  #listOffsets(reader: WireReader): Buffer {
    reader.i32();
    const committed = reader.i8() === 1;
    const writer = new WireWriter().i32(0);
    writer.array(
      reader.array(() => ({
        topic: reader.string(),
        partitions: reader.array(() => ({ partition: reader.i32(), epoch: reader.i32(), timestampMs: reader.i64() })),
      })),
      ({ topic, partitions }) => {
        writer.string(topic).array(partitions, ({ partition, timestampMs }) => {
          const found = this.topics.get(topic)?.partitions[partition];
          writer
            .i32(partition)
            .i16(found === undefined ? 3 : 0)
            .i64(-1);
          writer.i64(found === undefined ? -1 : offsetAt(found, timestampMs, committed)).i32(found?.leaderEpoch ?? -1);
        });
      },
    );
    return writer.done();
  }

  #epochEnds(reader: WireReader): Buffer {
    reader.i32();
    const writer = new WireWriter().i32(0);
    writer.array(
      reader.array(() => ({
        topic: reader.string(),
        partitions: reader.array(() => ({ partition: reader.i32(), current: reader.i32(), epoch: reader.i32() })),
      })),
      ({ topic, partitions }) => {
        writer.string(topic).array(partitions, ({ partition, epoch }) => {
          const found = this.topics.get(topic)?.partitions[partition];
          const known = found?.batches.filter(({ leaderEpoch }) => leaderEpoch <= epoch).at(-1);
          const beyond = found === undefined || epoch > found.leaderEpoch;
          const next = found?.batches.find(({ leaderEpoch }) => leaderEpoch > epoch);
          writer.i16(found === undefined ? 3 : 0).i32(partition);
          writer.i32(beyond ? -1 : (known?.leaderEpoch ?? epoch));
          writer.i64(beyond ? -1 : (next?.baseOffset ?? found.endOffset));
        });
      },
    );
    return writer.done();
  }

  #offsetCommit(reader: WireReader): Buffer {
    const group = reader.string();
    reader.i32();
    reader.string();
    reader.nullableString();
    const committed = this.groups.get(group) ?? new Map();
    this.groups.set(group, committed);
    const writer = new WireWriter().i32(0);
    writer.array(
      reader.array(() => ({
        topic: reader.string(),
        partitions: reader.array(() => {
          const one = { partition: reader.i32(), offset: reader.i64(), leaderEpoch: reader.i32() };
          reader.nullableString();
          return one;
        }),
      })),
      ({ topic, partitions }) => {
        writer.string(topic).array(partitions, ({ partition, offset, leaderEpoch }) => {
          committed.set(`${topic}/${partition}`, { offset, leaderEpoch });
          writer.i32(partition).i16(0);
        });
      },
    );
    return writer.done();
  }

  #offsetFetch(reader: WireReader): Buffer {
    const committed = this.groups.get(reader.string());
    const writer = new WireWriter().i32(0);
    writer.array(
      reader.array(() => ({ topic: reader.string(), partitions: reader.array(() => reader.i32()) })),
      ({ topic, partitions }) => {
        writer.string(topic).array(partitions, (partition) => {
          const one = committed?.get(`${topic}/${partition}`);
          writer
            .i32(partition)
            .i64(one?.offset ?? -1)
            .i32(one?.leaderEpoch ?? -1)
            .string('')
            .i16(0);
        });
      },
    );
    return writer.i16(0).done();
  }
}

/** Whole batches from `offset` on, the last one cut at the limit; only the first of an answer may exceed it. */
function readRecords(
  partition: FakePartition,
  offset: number,
  limit: number,
  bytesMax: number,
  first: boolean,
): Buffer {
  const wanted = partition.batches.filter(({ baseOffset, lastOffset }) => lastOffset >= offset && baseOffset < limit);
  const whole = Buffer.concat(wanted.map(({ bytes }) => bytes));
  const firstBytes = wanted[0]?.bytes.length ?? 0;
  if (firstBytes > bytesMax) return first ? whole.subarray(0, firstBytes) : Buffer.alloc(0);
  return whole.subarray(0, bytesMax);
}

function offsetAt(partition: FakePartition, timestampMs: number, committed: boolean): number {
  if (timestampMs === -2) return partition.logStartOffset;
  if (timestampMs === -1) return committed ? partition.stableOffset : partition.endOffset;
  // The base timestamp of each batch stands for its records.
  return partition.batches.find(({ bytes }) => Number(bytes.readBigInt64BE(27)) >= timestampMs)?.baseOffset ?? -1;
}

function idBytes(id: string | undefined): Buffer {
  return id === undefined ? Buffer.alloc(16) : Buffer.from(id.padEnd(16, '.').slice(0, 16));
}
