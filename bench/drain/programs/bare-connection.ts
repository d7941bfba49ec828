import { once } from 'node:events';
import net from 'node:net';

/** Record batches of one partition: `start` to `end` of the frame's bytes. */
export interface FetchedPartition {
  partition: number;
  bytes: Buffer;
  start: number;
  end: number;
}

export interface FetchedFrame {
  bytes: Buffer;
  partitions: FetchedPartition[];
}

const FETCH = 1;
const FETCH_VERSION = 11;
const PARTITION_BYTES_MAX = 1 << 20;
const FETCH_BYTES_MAX = 8 << 20;
const FRAME_BYTES = 16 << 20;
const CLIENT_ID = 'bench';

/** One plain socket that sends Fetch v11, one at a time, and receives straight into recycled frames. */
export class BareConnection {
  readonly #socket: net.Socket;
  readonly #size = Buffer.alloc(4);
  #free: Buffer[] = [];
  #frame: Buffer | undefined;
  #expected = 4;
  #received = 0;
  #waiting: PromiseWithResolvers<FetchedFrame> | undefined;

  private constructor(host: string, port: number) {
    this.#socket = net.connect({
      host,
      port,
      noDelay: true,
      onread: { buffer: () => this.#target(), callback: (bytes) => this.#took(bytes) },
    });
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the broker closed the connection')));
  }

  static async open(broker: string): Promise<BareConnection> {
    const at = broker.lastIndexOf(':');
    const connection = new BareConnection(broker.slice(0, at), Number(broker.slice(at + 1)));
    await once(connection.#socket, 'connect');
    return connection;
  }

  fetch(topic: string, from: readonly { partition: number; offset: number }[]): Promise<FetchedFrame> {
    this.#waiting = Promise.withResolvers();
    this.#socket.write(fetchRequest(topic, from));
    return this.#waiting.promise;
  }

  recycle(frame: Buffer): void {
    this.#free.push(frame);
  }

  #target(): Buffer {
    return (this.#frame ?? this.#size).subarray(this.#received, this.#expected);
  }

  #took(bytes: number): boolean {
    this.#received += bytes;
    if (this.#received < this.#expected) return true;
    this.#received = 0;
    if (this.#frame === undefined) {
      this.#expected = this.#size.readInt32BE(0);
      if (this.#expected > FRAME_BYTES) throw new Error(`a response of ${this.#expected} bytes`);
      this.#frame = this.#free.pop() ?? Buffer.allocUnsafeSlow(FRAME_BYTES);
    } else {
      const frame = this.#frame;
      this.#frame = undefined;
      this.#expected = 4;
      this.#waiting?.resolve(parseFetch(frame));
    }
    return true;
  }
}

/** Kafka protocol, Fetch request v11 behind request header v1. */
function fetchRequest(topic: string, from: readonly { partition: number; offset: number }[]): Buffer {
  const bytes = Buffer.alloc(128 + CLIENT_ID.length + topic.length + from.length * 28);
  let at = 4;
  const i16 = (value: number) => (at = bytes.writeInt16BE(value, at));
  const i32 = (value: number) => (at = bytes.writeInt32BE(value, at));
  const text = (value: string) => {
    i16(value.length);
    at += bytes.write(value, at, 'latin1');
  };
  i16(FETCH);
  i16(FETCH_VERSION);
  i32(0); // correlation id: one request at a time
  text(CLIENT_ID);
  i32(-1); // replica: a consumer
  i32(500); // wait at most, ms
  i32(1); // bytes at least
  i32(FETCH_BYTES_MAX);
  at = bytes.writeInt8(1, at); // read committed
  i32(0); // session: none
  i32(-1);
  i32(1);
  text(topic);
  i32(from.length);
  for (const { partition, offset } of from) {
    i32(partition);
    i32(-1); // leader epoch: unchecked
    at = bytes.writeBigInt64BE(BigInt(offset), at);
    at = bytes.writeBigInt64BE(-1n, at); // log start: a consumer has none
    i32(PARTITION_BYTES_MAX);
  }
  i32(0); // forgotten topics
  text(''); // rack
  bytes.writeInt32BE(at - 4, 0);
  return bytes.subarray(0, at);
}

/** Fetch response v11 behind response header v0, of one topic. */
function parseFetch(bytes: Buffer): FetchedFrame {
  let at = 4 + 4 + 2 + 4; // correlation id, throttle time, error, session
  const i32 = () => {
    at += 4;
    return bytes.readInt32BE(at - 4);
  };
  const partitions: FetchedPartition[] = [];
  if (i32() === 0) return { bytes, partitions };
  at += 2 + bytes.readInt16BE(at); // topic
  for (let left = i32(); left > 0; left--) {
    const partition = i32();
    const error = bytes.readInt16BE(at);
    if (error !== 0) throw new Error(`fetch of partition ${partition}: error ${error}`);
    at += 2 + 8 + 8 + 8; // error, high watermark, last stable offset, log start
    const aborted = i32();
    at += Math.max(aborted, 0) * 16 + 4; // aborted transactions, preferred replica
    const length = Math.max(i32(), 0);
    partitions.push({ partition, bytes, start: at, end: at + length });
    at += length;
  }
  return { bytes, partitions };
}
