import net from 'node:net';
import tls from 'node:tls';
import type { FramePool } from './frame-pool.ts';

/** What arrives is not what a Kafka listener sends, for example a TLS alert. The connection is useless. */
export class NotKafkaError extends Error {
  override readonly name = 'NotKafkaError';
  readonly firstBytes: Buffer;

  constructor(firstBytes: Buffer) {
    super(`the first bytes are ${firstBytes.toString('hex')}`);
    this.firstBytes = Buffer.from(firstBytes);
  }
}

export interface ReceiverOptions {
  host: string;
  port: number;
  tls: tls.ConnectionOptions | undefined;
  pool: FramePool;
  responseBytesMax: number;
  onConnect(): void;
  /** A whole response without its length: `frame` may be longer than `bytes`. It belongs to the receiver of this call. */
  onFrame(frame: Buffer, bytes: number): void;
  /** Some bytes arrived. */
  onProgress(): void;
}

/**
 * A socket that reads [length][response] straight into one pooled buffer per response: no chunks, no concatenation, no copy.
 */
export function connectReceiver(options: ReceiverOptions): net.Socket {
  const { host, port, pool, responseBytesMax } = options;
  const lengthBytes: Buffer = Buffer.allocUnsafeSlow(4);
  let frame: Buffer | undefined;
  let wanted = 4;
  let received = 0;
  let view = lengthBytes;

  const onread = {
    buffer: () => view,
    callback(count: number): boolean {
      options.onProgress();
      received += count;
      if (received < wanted) {
        view = (frame ?? lengthBytes).subarray(received, wanted);
        return true;
      }
      if (frame === undefined) {
        const length = lengthBytes.readInt32BE(0);
        if (length < 4 || length > responseBytesMax || isTlsRecord(lengthBytes)) {
          socket.destroy(new NotKafkaError(lengthBytes));
          return false;
        }
        frame = pool.take(length);
        wanted = length;
        received = 0;
        view = frame.subarray(0, length);
        return true;
      }
      const whole = frame;
      const bytes = wanted;
      frame = undefined;
      wanted = 4;
      received = 0;
      view = lengthBytes;
      options.onFrame(whole, bytes);
      return true;
    },
  };

  // The types of @types/node ask for a Uint8Array in `buffer`, and a function is documented too.
  const onreadOption = onread as unknown as net.OnReadOpts;
  const socket =
    options.tls === undefined
      ? net.connect({ host, port, onread: onreadOption }, options.onConnect)
      : tls.connect(
          {
            host,
            port,
            ...(net.isIP(host) ? {} : { servername: host }),
            ...options.tls,
            onread: onreadOption,
          } as never,
          options.onConnect,
        );
  socket.setKeepAlive(true, 60_000);
  socket.setNoDelay(true);
  return socket;
}

/** TLS alerts and handshakes start with 15 or 16 (hex), then the version 03 0x. */
export function isTlsRecord(firstBytes: Buffer): boolean {
  return (firstBytes[0] === 0x15 || firstBytes[0] === 0x16) && firstBytes[1] === 3;
}
