import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireRequest, WireResponse } from '../../../connectors/hdfs/webhdfs/wire.ts';
import { modelExchange } from '../../../testing/hdfs/exchange.ts';
import { HdfsModel } from '../../../testing/hdfs/model.ts';
import type { Interpose } from '../../../testing/interposed.ts';

const dataNode = 'http://dn1.test:9864';
const through: Interpose = (_, effect) => effect();

const put = (body: WireRequest['body'], headers = {}): WireRequest => ({
  method: 'PUT',
  url: `${dataNode}/webhdfs/v1/f?op=CREATE&user.name=hdfs&overwrite=false`,
  headers,
  ...(body && { body }),
});

const look: WireRequest = {
  method: 'GET',
  url: 'http://nn1.test:9870/webhdfs/v1/f?op=GETFILESTATUS&user.name=hdfs',
  headers: {},
};

async function textOf({ body }: WireResponse): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const textIn = (model: HdfsModel) => model.files().map(([path, file]) => [path, file.bytes.toString()]);
const isOpen = (model: HdfsModel) => model.files().some(([, file]) => file.lease !== undefined);

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

test('a body takes effect piece by piece, and each effect can be put off', async () => {
  const model = new HdfsModel();
  const seen: string[] = [];
  const exchange = modelExchange(model, async (label, effect) => {
    seen.push(`${label}: ${JSON.stringify(textIn(model))}`);
    return effect();
  });

  const answer = await exchange.exchange(put(pieces('a', 'b')), {});

  assert.equal(answer.status, 201);
  assert.deepEqual(seen, [
    'hdfs.CREATE /f open: []',
    'hdfs.CREATE /f write: [["/f",""]]',
    'hdfs.CREATE /f write: [["/f","a"]]',
    'hdfs.CREATE /f close: [["/f","ab"]]',
  ]);
  assert.match(await textOf(await exchange.exchange(look, {})), /"length":2/);
});

test('the sender may use its memory again while a piece is on its way', async () => {
  const model = new HdfsModel();
  const mine = Buffer.from('hello');
  const exchange = modelExchange(model, (label, effect) => {
    if (label.endsWith('write')) mine.fill('x');
    return effect();
  });

  await exchange.exchange(put(mine), {});

  assert.deepEqual(textIn(model), [['/f', 'hello']]);
});

test('a body that fails in the middle leaves a closed file with what had come', async () => {
  const model = new HdfsModel();
  const exchange = modelExchange(model, through);
  async function* failing() {
    yield Buffer.from('hel');
    throw new Error('no more');
  }

  await assert.rejects(exchange.exchange(put(failing()), {}), /no more/);

  assert.deepEqual(textIn(model), [['/f', 'hel']]);
  assert.equal(isOpen(model), false);
});

test('a request that is given up in the middle leaves what had come', async () => {
  const model = new HdfsModel();
  const giveUp = new AbortController();
  const exchange = modelExchange(model, through);
  async function* endless() {
    yield Buffer.from('hel');
    giveUp.abort(new Error('too late'));
    await new Promise(() => {});
  }

  await assert.rejects(exchange.exchange(put(endless()), { signal: giveUp.signal }), /too late/);

  assert.deepEqual(textIn(model), [['/f', 'hel']]);
  assert.equal(isOpen(model), false);
});

test('a request that arrives after it was given up opens a file that nobody fills', async () => {
  const model = new HdfsModel();
  const giveUp = new AbortController();
  let arrive = () => {};
  const exchange = modelExchange(model, async (_, effect) => {
    await new Promise<void>((resolve) => {
      arrive = resolve;
    });
    return effect();
  });
  const sent = exchange.exchange(put(Buffer.from('hello')), { signal: giveUp.signal });
  giveUp.abort();
  await assert.rejects(sent, { name: 'AbortError' });

  arrive();
  await new Promise((resolve) => setImmediate(resolve));

  assert.deepEqual(textIn(model), [['/f', '']]);
  assert.equal(isOpen(model), false);
});

test('a process that dies closes what it was writing', async () => {
  const model = new HdfsModel();
  const exchange = modelExchange(model, (label, effect) =>
    label.endsWith('close') ? new Promise<never>(() => {}) : effect(),
  );
  void exchange.exchange(put(Buffer.from('hello')), {});
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOpen(model), true);

  exchange.cut();

  assert.deepEqual(textIn(model), [['/f', 'hello']]);
  assert.equal(isOpen(model), false);
});

test('an answer that is lost has had its effect', async () => {
  const model = new HdfsModel();
  const exchange = modelExchange(model, async (label, effect) => {
    const answer = await effect();
    if (label.endsWith('close')) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    return answer;
  });

  await assert.rejects(exchange.exchange(put(Buffer.from('hello')), {}), { code: 'ECONNRESET' });

  assert.deepEqual(textIn(model), [['/f', 'hello']]);
});

test('where nobody listens the connection is refused', async () => {
  const model = new HdfsModel();
  const exchange = modelExchange(model, through);
  model.killDataNode();

  await assert.rejects(exchange.exchange(put(Buffer.from('hello')), {}), { code: 'ECONNREFUSED' });

  assert.deepEqual(textIn(model), []);
});

test('a request that nobody will answer waits until it is given up', async () => {
  const model = new HdfsModel({ nameNodes: ['http://nn1.test:9870', 'http://nn2.test:9870'] });
  const giveUp = new AbortController();
  const exchange = modelExchange(model, through);
  for (const nameNode of model.nameNodes) nameNode.state = 'standby';

  const sent = exchange.exchange(put(Buffer.from('hello')), { signal: giveUp.signal });
  await new Promise((resolve) => setImmediate(resolve));
  giveUp.abort();

  await assert.rejects(sent, { name: 'AbortError' });
  assert.deepEqual(textIn(model), []);
});

test('a request that is refused is answered without the rest of its body', async () => {
  const model = new HdfsModel();
  const exchange = modelExchange(model, through);
  await exchange.exchange(put(Buffer.from('first')), {});
  let asked = 0;
  async function* counted() {
    for (; asked < 10; asked++) yield Buffer.from('x');
  }

  const { status } = await exchange.exchange(put(counted()), {});

  assert.equal(status, 403);
  assert.equal(asked, 0);
  assert.deepEqual(textIn(model), [['/f', 'first']]);
});
