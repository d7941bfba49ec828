import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WireReader, WireWriter } from '../../../../connectors/kafka/wire.ts';
import { API_VERSIONS, METADATA, type ModelTopic } from '../../../../testing/kafka/cluster-state.ts';
import { answerInTime } from '../../../../testing/kafka/long-poll.ts';
import { KafkaModel } from '../../../../testing/kafka/model.ts';
import type { PartitionLog } from '../../../../testing/kafka/partition-log.ts';

export interface Call {
  apiKey: number;
  apiVersion: number;
  connection: number;
}

/** Answers one request in place of the broker: a body, `'close'` for a lost connection, `'ignore'` for silence. */
export type Intervention = Buffer | 'close' | 'ignore' | undefined;

const REAL_TIME = {
  clock: { monotonicMs: () => performance.now() },
  timers: {
    after(ms: number, run: () => void) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  },
};

/** One or more brokers in this process: a model of a cluster behind real sockets. */
export class FakeCluster {
  readonly model = new KafkaModel({ nodes: 0, clusterId: 'fake-cluster' });
  readonly calls: Call[] = [];
  /** Looks at every request first. */
  intervene: (call: Call, body: WireReader) => Intervention | Promise<Intervention> = () => undefined;
  readonly #listeners = new Map<number, { server: Server; sockets: Set<Socket>; port: number }>();
  #connections = 0;
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
    return [...this.#listeners.values()].map(({ port }) => `127.0.0.1:${port}`);
  }

  get groups() {
    return this.model.state.groups;
  }

  get ranges() {
    return this.model.state.versions;
  }

  get fetchErrors() {
    return this.model.state.fetchErrors;
  }

  topic(name: string, partitions = 1): ModelTopic {
    return this.model.createTopic(name, partitions);
  }

  append(name: string, partition: number, bytes: Buffer): void {
    this.partition(name, partition).append(bytes);
    this.changed();
  }

  partition(name: string, partition: number): PartitionLog {
    return this.model.partition(name, partition);
  }

  /** Lets waiting fetches look again. */
  changed(): void {
    this.model.changed();
  }

  /** The model takes a node as running whether it listens or not: what is behind a lost connection nobody knows. */
  async startNode(nodeId: number, port = 0): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => sockets.delete(socket));
      this.#serve(socket, nodeId, ++this.#connections);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const listensOn = (server.address() as AddressInfo).port;
    this.#listeners.set(nodeId, { server, sockets, port: listensOn });
    this.model.state.nodes.set(nodeId, { host: '127.0.0.1', port: listensOn, running: true });
  }

  /** Stops listening and breaks every connection, as a killed process does. Returns its port. */
  async stopNode(nodeId: number): Promise<number> {
    const node = this.#listeners.get(nodeId);
    if (node === undefined) throw new Error(`no node ${nodeId}`);
    for (const socket of node.sockets) socket.destroy();
    await new Promise((resolve) => node.server.close(resolve));
    return node.port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const nodeId of this.#listeners.keys()) await this.stopNode(nodeId);
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
    const asked = { nodeId, apiKey, apiVersion, reader };
    const body = intervention ?? (await answerInTime(this.model, asked, REAL_TIME, () => this.#stopped));
    if (body === undefined) return;
    const head = new WireWriter().i32(0).i32(correlationId);
    if (flexible && apiKey !== API_VERSIONS) head.noTags();
    const bytes = head.raw(body).done();
    bytes.writeInt32BE(bytes.length - 4, 0);
    if (!socket.destroyed) socket.write(bytes);
  }
}
