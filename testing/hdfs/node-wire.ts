import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import type { HdfsRequest, HdfsResponse, HdfsUpload, HdfsWire } from './http.ts';

/** Over sockets, each request on a connection of its own: fetch takes the unsolicited 100 of a DataNode for a bad response. */
export function nodeWire(timeoutMs = 30_000): HdfsWire {
  return {
    send: async (request) => {
      const upload = begun(request, timeoutMs);
      if (request.body !== undefined) await upload.write(request.body);
      return upload.finish();
    },
    open: async (request) => {
      const upload = begun(request, timeoutMs);
      await upload.write(request.body ?? Buffer.alloc(0));
      return upload;
    },
  };
}

function begun({ method, url, headers }: HdfsRequest, timeoutMs: number): HdfsUpload {
  const { hostname, port } = new URL(url);
  // Not by `URL`, which would take dots out of paths. A place given out in JSON has letters that no request line may have.
  const path = url.slice(url.indexOf('/', 'http://'.length)).replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
  const request = startRequest({ method, hostname, port, path, headers, agent: false, timeout: timeoutMs });
  let interim = 0;
  request.on('information', () => interim++);
  request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${url} within ${timeoutMs} ms`)));
  const answered = answerOf(request);
  answered.catch(() => {}); // whoever calls `finish` hears of it
  return {
    // Not `write` of nothing, which would say that more is to come.
    write: (bytes) =>
      bytes.length === 0
        ? Promise.resolve(request.flushHeaders())
        : new Promise((resolve) => request.write(bytes, () => resolve())),
    finish: async () => {
      request.end();
      return { ...(await answered), interim };
    },
    cut: async () => {
      request.destroy();
    },
  };
}

function answerOf(request: ClientRequest): Promise<HdfsResponse> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(headers),
          body: Buffer.concat(chunks),
        });
      });
    });
  });
}
