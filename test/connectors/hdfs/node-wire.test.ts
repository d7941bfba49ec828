import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NodeWire } from '../../../connectors/hdfs/webhdfs/node-wire.ts';
import { WireError, type WireResponse } from '../../../connectors/hdfs/webhdfs/wire.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';

const { timers } = systemEnv();

function wireOf(t: TestContext, options: { connectMs?: number; silenceMs?: number; socketsMax?: number } = {}) {
  const wire = new NodeWire({ timers, ...options });
  t.after(() => wire[Symbol.asyncDispose]());
  return wire;
}

async function listening(t: TestContext, server: Server | ReturnType<typeof createTcpServer>) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // tests cut connections on purpose
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}
const httpServer = (t: TestContext, listener: RequestListener) => listening(t, createHttpServer(listener));
/** Answers each connection by hand. */
const rawServer = (t: TestContext, serve: (socket: Socket) => void) => listening(t, createTcpServer(serve));

async function textOf({ body }: { body: AsyncIterable<Buffer> }): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
async function* streamOf(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}
const get = (wire: NodeWire, url: string, signal?: AbortSignal): Promise<WireResponse> =>
  wire.exchange({ method: 'GET', url, headers: {} }, { signal });

test('a 100 Continue that nobody asked for, as DataNodes send it, is passed over', async (t) => {
  const { url } = await rawServer(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      socket.end('HTTP/1.1 201 Created\r\nlocation: hdfs://nn/a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    });
  });
  const wire = wireOf(t);

  for (const body of [Buffer.from('x'), streamOf('x')]) {
    const answer = await wire.exchange({ method: 'PUT', url: `${url}/a`, headers: {}, body }, {});
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.location, 'hdfs://nn/a');
    assert.equal(await textOf(answer), '');
  }
});

test('bodies arrive whole: none, a buffer, a stream in chunks, a stream of known length', async (t) => {
  const { url } = await httpServer(t, async (request, response) => {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    response.end(`${length ?? coding} ${(await textOf({ body: request })).length}`);
  });
  const wire = wireOf(t);
  const put = async (body?: Buffer | AsyncIterable<Buffer>, headers = {}) =>
    await textOf(await wire.exchange({ method: 'PUT', url, headers, ...(body && { body }) }, {}));

  assert.equal(await put(), '0 0');
  assert.equal(await put(Buffer.alloc(0)), '0 0');
  assert.equal(await put(Buffer.alloc(3_000_000, 'x')), '3000000 3000000');
  assert.equal(await put(streamOf('ab', '', 'c')), 'chunked 3');
  assert.equal(await put(streamOf('ab', 'c'), { 'content-length': '3' }), '3 3');
  assert.equal(await put(streamOf()), '0 0');
});

test('a stream that is not as long as it was said to be is an error, and the other side gets no whole body', async (t) => {
  const whole: boolean[] = [];
  const { url } = await httpServer(t, (request, response) => {
    request.on('end', () => whole.push(true));
    request.resume().on('close', () => response.end());
  });
  const wire = wireOf(t);
  const put = (body: AsyncIterable<Buffer>) =>
    wire.exchange({ method: 'PUT', url, headers: { 'content-length': '3' }, body }, {});

  await assert.rejects(put(streamOf('ab')), /ended after 2 of 3 bytes/);
  await assert.rejects(put(streamOf('ab', 'cd')), /longer than the 3 bytes/);

  assert.deepEqual(whole, []);
});

test('the path is sent as it stands', async (t) => {
  const { url } = await httpServer(t, (request, response) => response.end(request.url));
  const path = '/webhdfs/v1/a/../b/./%2e%2e/x%20y;z=+?op=OPEN&x=%2B+';

  assert.equal(await textOf(await get(wireOf(t), `${url}${path}`)), path);
});

test('connections to one server are kept and counted', async (t) => {
  const open = { now: 0, most: 0 };
  const { url, sockets } = await httpServer(t, async (_request, response) => {
    open.most = Math.max(open.most, ++open.now);
    await timers.sleep(5);
    open.now--;
    response.end('x');
  });
  const wire = wireOf(t, { socketsMax: 2 });

  await Promise.all(Array.from({ length: 10 }, async () => await textOf(await get(wire, url))));

  assert.equal(open.most, 2);
  assert.equal(sockets.size, 2);
});

test('an answer that is given up before its end, or before its start, does not keep its connection', async (t) => {
  let left = 0;
  const { url } = await httpServer(t, (request, response) => {
    response.on('close', () => left++);
    response.write(Buffer.alloc(request.url === '/long' ? 100_000 : 1));
    if (request.url === '/short') response.end();
  });
  const wire = wireOf(t, { socketsMax: 1 });

  for (const path of ['/long', '/short']) {
    for await (const _ of (await get(wire, `${url}${path}`)).body) break;
    await (await get(wire, `${url}${path}`)).body[Symbol.asyncIterator]().return?.();
  }

  await until(() => left === 4);
  assert.equal((await get(wire, url)).status, 200);
});

test('no connection is told from no answer', async (t) => {
  const { url } = await rawServer(t, (socket) => socket.once('data', () => socket.destroy()));
  const closed = createTcpServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  const wire = wireOf(t);

  await assert.rejects(get(wire, `http://127.0.0.1:${port}/`), {
    name: 'WireError',
    isSent: false,
    code: 'ECONNREFUSED',
  });
  await assert.rejects(get(wire, url), { name: 'WireError', isSent: true, code: 'ECONNRESET' });
});

test('a stream is not touched before there is a connection', async (t) => {
  const { url, sockets } = await httpServer(t, (_request, response) => response.end());
  const taken: string[] = [];
  async function* body() {
    taken.push('first');
    yield Buffer.from('x');
  }
  const wire = wireOf(t);
  const [host] = url.split('//').slice(1);
  const port = Number(host?.split(':')[1]);
  await assert.rejects(
    wire.exchange({ method: 'PUT', url: `http://127.0.0.2:${port}/`, headers: {}, body: body() }, {}),
    {
      isSent: false,
    },
  );

  assert.deepEqual(taken, []);
  assert.equal(sockets.size, 0);
});

test('a server that says nothing is given up, after it was sent everything', async (t) => {
  const { url } = await httpServer(t, (request) => void request.resume());
  const wire = wireOf(t, { silenceMs: 40 });

  await assert.rejects(get(wire, url), { name: 'WireError', isSent: true, message: 'no answer for 40 ms' });
});

test('a server that stops in the middle of an answer is given up', async (t) => {
  const { url } = await httpServer(t, (_request, response) => {
    response.setHeader('content-length', '10');
    response.write('half');
  });
  const answer = await get(wireOf(t, { silenceMs: 200 }), url);

  await assert.rejects(textOf(answer), { name: 'WireError', message: 'no more of the answer for 200 ms' });
});

test('an answer that is cut off is no answer', async (t) => {
  const { url } = await rawServer(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')),
  );
  const answer = await get(wireOf(t), url);

  await assert.rejects(textOf(answer), { name: 'WireError', isSent: true });
});

test('a server that takes nothing is given up, and the stream is told to stop', async (t) => {
  const { url } = await rawServer(t, (socket) => socket.pause());
  let taken = 0;
  let hasStopped = false;
  async function* endless() {
    try {
      for (;;) {
        taken += 1_000_000;
        yield Buffer.alloc(1_000_000);
      }
    } finally {
      hasStopped = true;
    }
  }
  const call = wireOf(t, { silenceMs: 60 }).exchange({ method: 'PUT', url, headers: {}, body: endless() }, {});

  await assert.rejects(call, { message: 'nothing was taken for 60 ms', isSent: true });
  await until(() => hasStopped);
  assert.ok(taken < 30_000_000, `${taken} bytes were taken for a server that takes none`);
});

test('what was sent is let go of while the stream goes on', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { url } = await httpServer(t, async (request, response) => {
    request.resume().on('end', () => response.end());
  });
  const sent: WeakRef<Buffer>[] = [];
  let kept = 0;
  async function* body() {
    for (let left = 100; left > 0; left--) {
      const chunk = Buffer.alloc(100_000);
      sent.push(new WeakRef(chunk));
      yield chunk;
    }
    await timers.sleep(20);
    collect();
    kept = sent.filter((chunk) => chunk.deref() !== undefined).length;
  }

  await wireOf(t).exchange({ method: 'PUT', url, headers: {}, body: body() }, {});

  assert.ok(kept < 10, `${kept} of ${sent.length} chunks are kept`);
});

test('waiting for a stream, or for a slow reader of the answer, is not the silence of the server', async (t) => {
  const { url } = await httpServer(t, async (request, response) => {
    response.end(`${(await textOf({ body: request })).length}`);
  });
  async function* slow() {
    for (const bytes of [1, 300_000]) {
      await timers.sleep(200);
      yield Buffer.alloc(bytes);
    }
    await timers.sleep(200);
  }
  const wire = wireOf(t, { silenceMs: 150 });

  const answer = await wire.exchange({ method: 'PUT', url, headers: {}, body: slow() }, {});
  await timers.sleep(200);

  assert.equal(await textOf(answer), '300001');
});

test('an answer before the whole body was sent is taken, and the rest is not asked for', async (t) => {
  let closed = 0;
  const { url } = await httpServer(t, (request, response) => {
    request.socket.on('close', () => closed++);
    request.once('data', () => {
      response.statusCode = 403;
      response.end('exists');
    });
  });
  let hasStopped = false;
  async function* long() {
    try {
      yield Buffer.from('first');
      for (;;) {
        await timers.sleep(5);
        yield Buffer.from('more');
      }
    } finally {
      hasStopped = true;
    }
  }
  const wire = wireOf(t);

  for (const body of [long(), Buffer.alloc(50_000_000)]) {
    const answer = await wire.exchange({ method: 'PUT', url, headers: {}, body }, {});
    assert.deepEqual([answer.status, await textOf(answer)], [403, 'exists']);
  }

  await until(() => hasStopped && closed === 2);
});

test('why a server takes no more is heard, even when its closing breaks a write that is under way', async (t) => {
  let server: Socket | undefined;
  const { url } = await rawServer(t, (socket) => {
    socket.once('data', () => {
      server = socket.pause();
    });
  });
  async function* body() {
    yield Buffer.from('first');
    await until(() => server !== undefined);
    server?.write('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 6\r\n\r\nexists');
    server?.resetAndDestroy();
    // Written before the client can have read anything.
    yield Buffer.alloc(1_000_000);
    yield Buffer.alloc(1_000_000);
  }

  const answer = await wireOf(t).exchange({ method: 'PUT', url, headers: {}, body: body() }, {});

  assert.deepEqual([answer.status, await textOf(answer)], [403, 'exists']);
});

test('what a stream throws comes out as it is, and the connection is cut', async (t) => {
  let received: IncomingMessage | undefined;
  const { url } = await httpServer(t, (request) => {
    received = request.resume();
  });
  const mine = new Error('mine');
  async function* failing() {
    yield Buffer.from('x');
    await until(() => received !== undefined);
    throw mine;
  }

  await assert.rejects(
    wireOf(t).exchange({ method: 'PUT', url, headers: {}, body: failing() }, {}),
    (error) => error === mine,
  );
  await until(() => received?.destroyed === true);
  assert.equal(received?.complete, false);
});

test('a signal ends a request at any point, with its own reason', async (t) => {
  const { url } = await httpServer(t, (request, response) => {
    request.resume();
    if (request.url === '/half') response.write('half');
  });
  const wire = wireOf(t);
  const reason = new Error('enough');
  const before = AbortSignal.abort(reason);
  const waiting = new AbortController();
  const reading = new AbortController();

  const silent = get(wire, `${url}/silent`, waiting.signal);
  const answer = await get(wire, `${url}/half`, reading.signal);
  const read = textOf(answer);
  waiting.abort(reason);
  reading.abort(reason);

  for (const call of [get(wire, url, before), silent, read]) await assert.rejects(call, (error) => error === reason);
});

test('what HTTP cannot say is an error before anything is sent', async (t) => {
  await assert.rejects(
    get(wireOf(t), 'http://127.0.0.1:1/a\u0001b'),
    (error) => error instanceof WireError && !error.isSent,
  );
});

/** Waits until it holds, for two seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  for (let left = 400; !holds(); left--) {
    if (left === 0) throw new Error(`did not come true: ${holds}`);
    await timers.sleep(5);
  }
}
