import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { LateAnswers, type ServerFault } from '../server-fault.ts';
import { type ModelAnswer, RegistryModel } from './model.ts';

/** What becomes of one request. */
export type RegistryFault =
  | ServerFault
  /** It is answered so instead. */
  | { readonly kind: 'answer'; readonly status: number; readonly text: string };

export interface RegistryServerOptions {
  /** Schemas that several servers share; a model of its own when left out. */
  readonly model?: RegistryModel;
  /** What the Authorization header has to be. */
  readonly authorization?: string;
  /** In front of every path, for example `/apis/ccompat/v7`. */
  readonly prefix?: string;
  /** Asked once per request, by its path without the prefix. */
  readonly faultOf?: (path: string) => RegistryFault | undefined;
  /** Serves HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface RegistryServerHandle extends AsyncDisposable {
  /** With the prefix. */
  readonly url: string;
  readonly model: RegistryModel;
  /** The paths that were asked for, in order, without the prefix. */
  readonly asked: readonly string[];
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** A schema registry on a port of this machine, with Confluent's answers to what readers ask. */
export async function serveRegistry(options: RegistryServerOptions = {}): Promise<RegistryServerHandle> {
  const { model = new RegistryModel(), prefix = '', tls } = options;
  const asked: string[] = [];
  const late = new LateAnswers();
  const listener: RequestListener = (incoming, outgoing) => {
    const { url = '' } = incoming;
    const path = url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : undefined;
    asked.push(path ?? url);
    settle({ incoming, outgoing, later: late.later, fault: options.faultOf?.(path ?? url) }, () => {
      if (path === undefined) return { status: 404, text: '<h1>Not Found</h1>' };
      const { authorization } = options;
      if (authorization !== undefined && incoming.headers.authorization !== authorization) return denied(incoming);
      return model.answer(path);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    late.stop();
    await closed(server);
  };
  const origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `${origin}${prefix}`, model, asked, close, [Symbol.asyncDispose]: close };
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly later: LateAnswers['later'];
  readonly fault: RegistryFault | undefined;
}

function settle(exchange: Exchange, answer: () => ModelAnswer): void {
  const { incoming, outgoing, later, fault } = exchange;
  switch (fault?.kind) {
    case 'resetBefore':
    case 'resetAfter':
      incoming.socket.resetAndDestroy();
      break;
    case 'lostResponse':
      break;
    case 'slow':
      later(fault.ms, () => send(outgoing, answer()));
      break;
    case 'answer':
      send(outgoing, fault);
      break;
    default:
      send(outgoing, answer());
  }
}

function send(outgoing: ServerResponse, { status, text }: ModelAnswer): void {
  outgoing.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
  outgoing.end(text);
}

/** Quotes what was shown, as careless proxies do. */
function denied({ headers }: IncomingMessage): ModelAnswer {
  const message = `Unauthorized: ${headers.authorization ?? 'nobody'}`;
  return { status: 401, text: JSON.stringify({ error_code: 401, message }) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
