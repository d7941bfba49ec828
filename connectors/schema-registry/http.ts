import * as http from 'node:http';
import * as https from 'node:https';
import type { Env } from '../../core/spi.ts';

/** No schema is longer, and what is may be anything. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** One GET, asked once; no redirect is followed. Rejects when there is no whole answer, or with the reason of `signal`. */
export type HttpGet = (
  url: string,
  options: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<HttpAnswer>;

export interface NodeGetOptions {
  readonly timers: Pick<Env['timers'], 'after'>;
  /** For the whole answer, connecting included. */
  readonly timeoutMs: number;
  readonly ca?: string | undefined;
}

/** By `node:https`, since fetch takes no certificates of its own. Each on a connection of its own: schemas are asked for once. */
export function nodeGet({ timers, timeoutMs, ca }: NodeGetOptions): HttpGet {
  return async (url, { headers, signal }) => {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const outgoing = begin(url, { headers, agent: false, ...(ca === undefined ? {} : { ca }) });
    const breakOff = (why: unknown) => {
      reject(why);
      outgoing.destroy();
    };
    const abort = () => breakOff(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const cancel = timers.after(timeoutMs, () => breakOff(new Error(`no whole answer within ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) breakOff(new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.end();
    try {
      return await promise;
    } finally {
      cancel();
      signal.removeEventListener('abort', abort);
    }
  };
}

function begin(url: string, options: https.RequestOptions): http.ClientRequest {
  const { protocol, hostname, port } = new URL(url);
  const request = protocol === 'https:' ? https.request : http.request;
  // The text itself, since `URL` would take dots out of a path.
  const path = /^\w+:\/\/[^/]*(\/.*)$/.exec(url)?.[1] ?? '/';
  return request({ ...options, hostname: hostname.replace(/^\[|\]$/g, ''), port, path });
}
