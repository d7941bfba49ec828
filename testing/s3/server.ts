import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LateAnswers, type ServerFault } from '../server-fault.ts';
import { NO_BODY, type S3Request, type S3Response } from './http.ts';
import type { S3Model } from './model.ts';
import { labelOf } from './operations.ts';

export interface S3ServerOptions {
  readonly model: S3Model;
  /** Asked once per request, before its body; the label is one such as `s3.UploadPart lake/raw/a 3`. */
  readonly faultOf?: (label: string) => ServerFault | undefined;
}

/** A model behind a port of this machine, for clients that want one. */
export interface S3ServerHandle {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Cuts every connection; what is slow never takes effect. */
  close(): Promise<void>;
}

export async function serveS3({ model, faultOf = () => undefined }: S3ServerOptions): Promise<S3ServerHandle> {
  const late = new LateAnswers();
  const server = createServer((incoming, outgoing) => {
    const head = headOf(incoming);
    const fault = faultOf(labelOf(head));
    receive(incoming, fault, (body) => {
      const take = () => model.answer({ ...head, body });
      if (fault?.kind === 'slow') late.later(fault.ms, () => send(take(), outgoing));
      else if (fault?.kind === 'resetBefore') incoming.socket.resetAndDestroy();
      else {
        const answer = take();
        if (fault?.kind === 'resetAfter') incoming.socket.resetAndDestroy();
        else if (fault?.kind !== 'lostResponse') send(answer, outgoing);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      late.stop();
      return closed(server);
    },
  };
}

/** Calls `done` with a body that has come whole: one that was cut off has no effect on S3. */
function receive(incoming: IncomingMessage, fault: ServerFault | undefined, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (fault?.kind === 'resetBefore' && bytes >= (fault.bodyBytes ?? 0)) incoming.socket.resetAndDestroy();
  });
  // The sender is gone, and there is nobody to tell.
  incoming.on('error', () => {});
  incoming.on('end', () => done(Buffer.concat(chunks)));
}

function send({ status, headers, body }: S3Response, outgoing: ServerResponse): void {
  outgoing.writeHead(status, headers);
  outgoing.end(body);
}

function headOf({ method = 'GET', url = '/', headers }: IncomingMessage): S3Request {
  // Not by `URL`, which would take dots out of keys.
  const [path = '/', query = ''] = url.split(/\?(.*)/s);
  return {
    method,
    host: headers.host ?? '',
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    body: NO_BODY,
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
