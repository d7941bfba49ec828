import { z } from 'zod';
import { checkHdfsConnection, hdfsConnectionSettings } from '../../../../connectors/hdfs/settings.ts';
import { WebHdfs } from '../../../../connectors/hdfs/webhdfs/client.ts';
import type { WireExchange, WireRequest } from '../../../../connectors/hdfs/webhdfs/wire.ts';
import { WireError } from '../../../../connectors/hdfs/webhdfs/wire.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly bytes?: Buffer;
}

/** What a request was, taken apart. */
export interface SeenRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly op: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly body: string | undefined;
}

export type Script = (request: SeenRequest, nth: number) => ScriptedAnswer | 'silence' | Error;

export const refusal = (status: number, exception: string, message = exception): ScriptedAnswer => ({
  status,
  json: { RemoteException: { exception, javaClassName: `org.apache.hadoop.${exception}`, message } },
});
export const standby = refusal(403, 'StandbyException', 'Operation category READ is not supported in state standby');
export const notFound = refusal(404, 'FileNotFoundException', 'File does not exist: /x');
export const refusedConnection = () => new WireError('connect ECONNREFUSED', { isSent: false, code: 'ECONNREFUSED' });
export const cutConnection = () => new WireError('socket hang up', { isSent: true, code: 'ECONNRESET' });
export const status = (bytes = 3, type = 'FILE') => ({
  json: {
    FileStatus: {
      ...{ pathSuffix: '', type, length: bytes, modificationTime: 1, accessTime: 2, owner: 'etl', group: 'g' },
      ...{ permission: '644', replication: 3, blockSize: 128, childrenNum: 0, fileId: 1 },
    },
  },
});

export interface ScriptedOptions {
  readonly settings?: Partial<z.input<typeof connection>>;
  readonly negotiate?: (host: string) => Promise<string>;
  /** A DataNode answers before it has read a body. */
  readonly takesBodies?: boolean;
}

const connection = z.strictObject(hdfsConnectionSettings).superRefine(checkHdfsConnection);

/** A client whose requests are answered by a function, on a virtual clock. */
export function scripted(script: Script, { settings, negotiate, takesBodies = true }: ScriptedOptions = {}) {
  const seen: SeenRequest[] = [];
  const virtual = new VirtualEnv();
  const wire: WireExchange = {
    exchange: async (request, { signal }) => {
      const one = await seenOf(request, takesBodies);
      seen.push(one);
      const answer = script(one, seen.length);
      if (answer === 'silence') return await untilAborted(signal);
      if (answer instanceof Error) throw answer;
      const bytes = answer.bytes ?? Buffer.from(answer.json === undefined ? '' : JSON.stringify(answer.json));
      return { status: answer.status ?? 200, headers: answer.headers ?? {}, body: chunked(bytes) };
    },
  };
  const parsed = connection.parse({ urls: ['http://nn1:9870'], user: 'etl', ...settings });
  const client = new WebHdfs({
    ...{ settings: parsed, wire, env: virtual.env },
    negotiate: negotiate ?? (() => Promise.reject(new Error('nobody asked for Kerberos'))),
  });
  /** Lets virtual time pass until the call settles. */
  const run = <T>(call: Promise<T>) => virtual.run(call);
  return { client, seen, run, virtual, asked: () => seen.map(({ host, op }) => `${op} ${host}`) };
}

async function seenOf({ method, url, headers, body }: WireRequest, takesBodies: boolean): Promise<SeenRequest> {
  const { host, pathname, searchParams } = new URL(url);
  const text = !takesBodies || body === undefined ? undefined : Buffer.isBuffer(body) ? `${body}` : await textOf(body);
  const query = Object.fromEntries(searchParams);
  return { method, host, path: pathname, op: query.op ?? '', query, headers, url, body: text };
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function* chunked(bytes: Buffer) {
  if (bytes.length > 0) yield bytes;
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
}
