import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface ForwardProxyOptions {
  /** Where everything goes, whatever its name: names of tests do not resolve. */
  readonly port: number;
  /** `user:password` that it insists on. */
  readonly password?: string;
  /** What it answers instead of letting anybody through. */
  readonly refusesWith?: number;
}

/** A small forward proxy as networks of companies have them: whole URLs for plain HTTP, CONNECT for TLS. */
export class ForwardProxy {
  /** `http://host/...` of plain requests, `host:port` of tunnels, in the order they came. */
  readonly targets: string[] = [];
  readonly #options: ForwardProxyOptions;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));

  static async start(t: TestContext, options: ForwardProxyOptions): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      for (const socket of proxy.#sockets) socket.destroy();
      proxy.#server.close();
    });
    return proxy;
  }

  private constructor(options: ForwardProxyOptions) {
    this.#options = options;
    this.#server.on('connect', (incoming: IncomingMessage, socket: Socket) => this.#tunnel(incoming, socket));
    this.#server.on('connection', (socket) => this.#owned(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As in a variable of the environment. */
  url(login = ''): string {
    return `http://${login}127.0.0.1:${this.port}`;
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { url = '', method, headers } = incoming;
    this.targets.push(url);
    const refusal = this.#refusal(incoming);
    if (refusal !== undefined) {
      incoming.resume();
      outgoing.writeHead(refusal, { 'content-type': 'text/html' }).end('<html>not from here</html>');
      return;
    }
    const { pathname, search, host } = new URL(url);
    const onward = request(
      { port: this.#options.port, path: `${pathname}${search}`, method, headers: { ...headers, host } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(onward);
  }

  #tunnel(incoming: IncomingMessage, socket: Socket): void {
    this.targets.push(incoming.url ?? '');
    const refusal = this.#refusal(incoming);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} Not From Here\r\n\r\n`);
      return;
    }
    const onward = this.#owned(connect(this.#options.port, '127.0.0.1'));
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    onward.pipe(socket).pipe(onward);
  }

  #refusal({ headers }: IncomingMessage): number | undefined {
    const { password, refusesWith } = this.#options;
    const isKnown = headers['proxy-authorization'] === `Basic ${Buffer.from(password ?? '').toString('base64')}`;
    return password === undefined || isKnown ? refusesWith : 407;
  }

  #owned(socket: Socket): Socket {
    this.#sockets.add(socket);
    // Whoever is gone has no use for an error.
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
