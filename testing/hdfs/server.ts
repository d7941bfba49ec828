import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LateAnswers, type ServerFault } from '../server-fault.ts';
import { labelOf } from './addresses.ts';
import { NoAnswer } from './errors.ts';
import type { HdfsRequest, HdfsResponse } from './http.ts';
import type { HdfsModel } from './model.ts';

/** Where the daemons of a cluster are: `http://127.0.0.1:<port>` each. */
export interface ServedPlaces {
  readonly nameNodes: readonly string[];
  readonly dataNodes: readonly string[];
  readonly gateway: string;
}

export interface HdfsServerOptions {
  readonly nameNodes?: number;
  readonly dataNodes?: number;
  /** Makes the model that answers at these places. */
  readonly modelAt: (places: ServedPlaces) => HdfsModel;
  /** Asked once per request, before its body; the label is one such as `hdfs.CREATE /raw/a`. */
  readonly faultOf?: (label: string, origin: string) => ServerFault | undefined;
}

/** A model behind ports of this machine, for clients that want some. */
export interface HdfsServerHandle extends ServedPlaces {
  readonly model: HdfsModel;
  /** Cuts every connection; what is slow never takes effect. */
  close(): Promise<void>;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export async function serveHdfs(options: HdfsServerOptions): Promise<HdfsServerHandle> {
  const { nameNodes = 1, dataNodes = 1, modelAt, faultOf = () => undefined } = options;
  const servers: Server[] = [];
  const late = new LateAnswers();
  let serve: Listener = () => {};
  const listen = async (): Promise<string> => {
    const server = createServer((incoming, outgoing) => serve(incoming, outgoing));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const listenAll = (count: number) => Promise.all(Array.from({ length: count }, listen));
  const places = {
    nameNodes: await listenAll(nameNodes),
    dataNodes: await listenAll(dataNodes),
    gateway: await listen(),
  };
  const model = modelAt(places);
  serve = (incoming, outgoing) => {
    const request = headOf(incoming);
    const origin = `http://${incoming.headers.host}`;
    const exchange: Exchange = { incoming, outgoing, fault: faultOf(labelOf(request), origin) };
    if (model.takesBody(request)) stream(model, request, exchange, places.dataNodes.includes(origin), late.later);
    else receive(model, request, exchange, late.later);
  };
  return {
    ...places,
    model,
    close: async () => {
      late.stop();
      await Promise.all(servers.map(closed));
    },
  };
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly fault: ServerFault | undefined;
}

/** A request that takes effect once its body is there. */
function receive(model: HdfsModel, head: HdfsRequest, exchange: Exchange, later: LateAnswers['later']): void {
  const chunks: Buffer[] = [];
  exchange.incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  exchange.incoming.on('error', () => {}); // the sender is gone, and there is nobody to tell
  exchange.incoming.on('end', () => {
    settle(exchange, later, () => model.answer({ ...head, body: Buffer.concat(chunks) }));
  });
}

/** A body that takes effect as it comes. A DataNode says 100 before it has read any of it, whether that is expected or not. */
function stream(
  model: HdfsModel,
  head: HdfsRequest,
  exchange: Exchange,
  isDataNode: boolean,
  later: LateAnswers['later'],
): void {
  const { incoming, outgoing, fault } = exchange;
  const upload = orReset(exchange, () => model.open(head));
  if (upload === undefined) return;
  if (isDataNode) {
    outgoing.setHeader('connection', 'close');
    outgoing.writeContinue();
  }
  let left = fault?.kind === 'resetBefore' ? (fault.bodyBytes ?? 0) : Number.POSITIVE_INFINITY;
  incoming.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, left);
    left -= piece.length;
    orReset(exchange, () => upload.write(piece));
    if (left === 0) incoming.socket.resetAndDestroy();
  });
  incoming.on('error', () => upload.cut());
  incoming.on('end', () => {
    if (fault?.kind === 'resetBefore') upload.cut();
    settle(exchange, later, () => upload.finish());
  });
}

function settle(exchange: Exchange, later: LateAnswers['later'], take: () => HdfsResponse): void {
  const { incoming, outgoing, fault } = exchange;
  if (fault?.kind === 'resetBefore') incoming.socket.resetAndDestroy();
  else if (fault?.kind === 'slow') later(fault.ms, () => settle({ incoming, outgoing, fault: undefined }, later, take));
  else {
    const answer = orReset(exchange, take);
    if (fault?.kind === 'resetAfter') incoming.socket.resetAndDestroy();
    else if (fault?.kind !== 'lostResponse' && answer !== undefined) {
      outgoing.writeHead(answer.status, answer.headers);
      outgoing.end(answer.body);
    }
  }
}

/** Where a daemon of the model is gone, its connections are cut; where it does not answer, they stay. */
function orReset<T>({ incoming }: Exchange, take: () => T): T | undefined {
  try {
    return take();
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    if (!['ECONNREFUSED', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    incoming.socket.resetAndDestroy();
    return undefined;
  }
}

function headOf({ method = 'GET', url = '/', headers }: IncomingMessage): HdfsRequest {
  return {
    method,
    url: `http://${headers.host}${url}`,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
