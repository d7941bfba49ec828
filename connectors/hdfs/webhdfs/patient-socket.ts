import * as http from 'node:http';
import { Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from 'node:net';

type WriteDone = (error?: Error | null) => void;

/**
 * A socket that still listens after it cannot write. A DataNode that refuses a file says why, closes, and so breaks the write
 * that is under way, mostly before its answer is read; Node would give up the answer with the write.
 */
class PatientSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: WriteDone): void {
    super._write(chunk, encoding, this.#onceHeard(done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: WriteDone): void {
    super._writev?.(chunks, this.#onceHeard(done));
  }

  /** A failure is told when nothing more is to be read. The other side has closed, so that is soon. */
  #onceHeard(done: WriteDone): WriteDone {
    return (error) => {
      if (error == null || this.readableEnded || this.destroyed) {
        done(error);
        return;
      }
      const heard = () => {
        this.off('end', heard).off('close', heard);
        done(error);
      };
      this.on('end', heard).on('close', heard);
    };
  }
}

/** Connects by patient sockets; plain HTTP only, since TLS writes by other ways. */
export class PatientAgent extends http.Agent {
  override createConnection(options: http.ClientRequestArgs): Socket {
    const to = options as SocketConstructorOpts & TcpNetConnectOpts;
    return new PatientSocket(to).connect(to);
  }
}
