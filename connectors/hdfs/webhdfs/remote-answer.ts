import type { WireResponse } from './wire.ts';

/** Listings of whole directories are the longest; whoever has more entries uses the paged one. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** An answer, read to its end. */
export interface RemoteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined where there is no text, null where it is no JSON. */
  readonly json: unknown;
}

/** What a server of Hadoop says when it says no. */
export interface RemoteException {
  /** Its simple name, for example `StandbyException`: this is what decides. */
  readonly exception: string;
  /** The first line, without the stack trace that DataNodes send along. */
  readonly message: string;
}

export async function readAnswer({ status, headers, body }: WireResponse): Promise<RemoteAnswer> {
  return { status, headers, json: jsonOf((await readBytes(body)).toString('utf8')) };
}

/** All of a body, which has to fit into memory. */
export async function readBytes(body: AsyncIterable<Buffer>, bytesMax = ANSWER_BYTES_MAX): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new RangeError(`the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

export function remoteExceptionOf(json: unknown): RemoteException | undefined {
  const remote = fieldOf(json, 'RemoteException');
  const exception = fieldOf(remote, 'exception');
  if (typeof exception !== 'string') return undefined;
  const message = fieldOf(remote, 'message');
  return { exception, message: masked(typeof message === 'string' ? firstLine(message) : exception) };
}

export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Tokens travel in URLs, which servers and errors like to quote. */
export function masked(text: string): string {
  return text.replace(/\b(delegation|token)=[^&\s"']+/gi, '$1=***');
}

function firstLine(text: string): string {
  return (text.split(/[\r\n]/, 1)[0] as string).slice(0, 500);
}

function jsonOf(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A page of a proxy, or half an answer: the status is all there is to go by.
    return null;
  }
}
