import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireExchange } from '../../../connectors/hdfs/webhdfs/wire.ts';
import { refusal } from '../../../testing/hdfs/errors.ts';
import { modelExchange } from '../../../testing/hdfs/exchange.ts';
import type { HdfsModel } from '../../../testing/hdfs/model.ts';
import type { Interpose } from '../../../testing/interposed.ts';
import { clientOn, cut, newModel, ROOT } from './support/scene.ts';
import { bench, NAME, STAGED } from './support/staging.ts';

const never = new Promise<never>(() => {});

/** What becomes of the nth of these effects, counted from 1. */
function atEffect(suffix: 'open' | 'write' | 'close', nth: number, fate: Interpose): Interpose {
  let seen = 0;
  return (label, effect) =>
    label === `hdfs.CREATE ${STAGED} ${suffix}` && ++seen === nth ? fate(label, effect) : effect();
}

test('a part is one write that goes on while the part is open, and is looked at once', async () => {
  const { open, model, staged } = bench();
  await using part = await open();
  await part.append([Buffer.from('{"a":1}\n'), Buffer.from('{"a":2}\n')]);
  assert.equal(staged()?.bytes.toString(), '{"a":1}\n{"a":2}\n');
  assert.ok(staged()?.lease, 'it is still being written');
  await part.append([Buffer.from('{"a":3}\n')]);

  const handle = await part.close();

  assert.deepEqual(handle, { staged: STAGED, final: `${ROOT}/t/${NAME}`, bytes: 24 });
  assert.equal(staged()?.lease, undefined);
  assert.equal(model.requestCounts.get('dataNode.CREATE'), 1);
  assert.deepEqual(
    model.files().map(([path]) => path),
    [STAGED],
    'no reader sees it',
  );
});

test('a part without bytes is a file without bytes', async () => {
  const { open, staged } = bench();
  await using part = await open();

  assert.equal((await part.close()).bytes, 0);

  assert.equal(staged()?.bytes.length, 0);
});

test('a connection that is cut amid a part fails it: nothing is sent twice, and a shorter file remains', async () => {
  const { open, model, staged } = bench({ call: atEffect('write', 2, () => Promise.reject(cut())) });
  await using part = await open();
  await part.append([Buffer.from('{"a":1}\n')]);

  await assert.rejects(part.append([Buffer.from('{"a":2}\n')]), { code: 'HDFS_UNAVAILABLE', reason: 'unknown' });

  await assert.rejects(part.append([Buffer.from('{"a":3}\n')]), { code: 'HDFS_UNAVAILABLE' });
  await assert.rejects(part.close(), { code: 'HDFS_UNAVAILABLE' });
  assert.equal(model.requestCounts.get('dataNode.CREATE'), 1);
  assert.equal(staged()?.bytes.toString(), '{"a":1}\n');
});

test('a connection that is cut between two appends fails the next one, or the close', async () => {
  for (const next of ['append', 'close'] as const) {
    const { open, model } = bench();
    await using part = await open();
    await part.append([Buffer.from('{"a":1}\n')]);
    model.killDataNode();

    const failing = next === 'append' ? part.append([Buffer.from('{"a":2}\n')]) : part.close();

    await assert.rejects(failing, { kind: 'unavailable', reason: 'unknown' });
  }
});

test('without the answer to its end a part is not staged, whether the cluster has it or not', async () => {
  for (const fate of [
    () => Promise.reject(cut()),
    async (_label: string, effect: () => Promise<unknown>) => {
      await effect();
      throw cut();
    },
  ] as Interpose[]) {
    const { open, model, staged } = bench({ call: atEffect('close', 1, fate) });
    await using part = await open();
    await part.append([Buffer.from('{"a":1}\n')]);

    await assert.rejects(part.close(), { code: 'HDFS_UNAVAILABLE', reason: 'unknown' });

    assert.equal(model.requestCounts.get('dataNode.CREATE'), 1);
    assert.equal(staged()?.bytes.toString(), '{"a":1}\n', 'an orphan of this epoch, for a later sweep');
  }
});

test('a DataNode that is killed amid a part fails it, and the next part goes to another one', async () => {
  const dataNodes = ['http://dn1.test:9864', 'http://dn2.test:9864'];
  const { open, model, virtual, staged } = bench({ model: newModel({ dataNodes }) });
  await using part = await open();
  await part.append([Buffer.from('{"a":1}\n')]);
  model.killDataNode(0);

  await assert.rejects(part.append([Buffer.from('{"a":2}\n')]), { kind: 'unavailable' });

  assert.ok(staged()?.lease, 'nobody has closed the file');
  for (const name of ['next-1.ndjson', 'next-2.ndjson']) {
    await using next = await open(name);
    await virtual.run(next.append([Buffer.from('{"a":2}\n')]));
    assert.equal((await virtual.run(next.close())).bytes, 8);
  }
});

test('a part that cannot begin waits for the cluster as long as nothing of it is sent', async () => {
  const { open, model, virtual, staged } = bench();
  model.killDataNode();
  virtual.env.timers.after(8_000, () => model.startDataNode());
  await using part = await virtual.run(open());

  await virtual.run(part.append([Buffer.from('{"a":1}\n')]));
  await virtual.run(part.close());

  assert.ok(virtual.nowMs >= 8_000);
  assert.equal(staged()?.bytes.toString(), '{"a":1}\n');
});

test('a file that is not as long as what was sent is no staged part', async () => {
  const { open } = bench({ call: atEffect('write', 2, () => Promise.resolve(undefined as never)) });
  await using part = await open();
  for (const n of [1, 2, 3]) await part.append([Buffer.from(`{"a":${n}}\n`)]);

  await assert.rejects(part.close(), {
    ...{ kind: 'unavailable', code: 'HDFS_NOT_AS_WRITTEN' },
    message: /16 bytes instead of 24/,
  });
});

test('a file that was removed meanwhile is no staged part', async () => {
  const remover = bench({
    call: atEffect('close', 1, async (_label, effect) => {
      const answer = await effect();
      await clientOn(remover.model).delete(STAGED);
      return answer;
    }),
  });
  await using after = await remover.open();
  await after.append([Buffer.from('{"a":1}\n')]);
  await assert.rejects(after.close(), { code: 'HDFS_NOT_AS_WRITTEN', message: /it is gone/ });

  const { open, model } = bench();
  await using before = await open();
  await before.append([Buffer.from('{"a":1}\n')]);
  await clientOn(model).delete(STAGED);
  await assert.rejects(before.close(), { kind: 'unavailable', code: 'HDFS_NOT_AS_WRITTEN', message: /it is gone/ });
});

test('a name that is taken, by a file or by one who writes it, is refused and left alone', async () => {
  const model = newModel();
  await clientOn(model).create(STAGED, Buffer.from('theirs'));
  const writing = newModel();
  await using theirs = await bench({ model: writing }).open();
  await theirs.append([Buffer.from('theirs')]);

  for (const taken of [model, writing]) {
    const { open, staged } = bench({ model: taken });
    await using part = await open();

    await assert.rejects(part.append([Buffer.from('{"a":1}\n')]), { kind: 'rejected', code: 'HDFS_STAGED_NAME_TAKEN' });

    await assert.rejects(part.close(), { code: 'HDFS_STAGED_NAME_TAKEN' });
    assert.equal(staged()?.bytes.toString(), 'theirs');
  }
  assert.equal((await theirs.close()).bytes, 6);
});

test('what the cluster refuses in the middle is said', async () => {
  const model = newModel({
    intervene: ({ url }) =>
      url.includes('dn1') ? refusal('DSQuotaExceededException', 'The DiskSpace quota') : undefined,
  });
  const { open } = bench({ model });
  await using part = await open();

  await assert.rejects(part.append([Buffer.from('{"a":1}\n')]), { kind: 'rejected', code: 'HDFS_QUOTA' });
});

/** Answers a stream when it has taken one chunk of it, and asked for the next one or not. */
function hastyWire(model: HdfsModel, asksForMore: boolean): WireExchange {
  const plain = modelExchange(model, (_, effect) => effect());
  return {
    exchange: async (request, options) => {
      if (request.body === undefined || Buffer.isBuffer(request.body)) return plain.exchange(request, options);
      const chunks = request.body[Symbol.asyncIterator]();
      await chunks.next();
      if (asksForMore) void chunks.next();
      return { status: 201, headers: {}, body: (async function* () {})() };
    },
  };
}

test('a DataNode that says success before the end of what is sent is not believed', async () => {
  const code = 'HDFS_NOT_AS_WRITTEN';
  const model = newModel();
  const amid = await bench({ model, wire: hastyWire(model, false) }).open();
  const between = await bench({ model, wire: hastyWire(model, true) }).open();

  await assert.rejects(amid.append([Buffer.from('{"a":1}\n')]), { code });
  await between.append([Buffer.from('{"a":1}\n')]);
  await assert.rejects(between.append([Buffer.from('{"a":2}\n')]), { code });

  for (const part of [amid, between]) {
    await assert.rejects(part.close(), { code });
    await part[Symbol.asyncDispose]();
  }
});

test('a part that is given up ends its request and leaves its bytes', async () => {
  const { open, model, staged } = bench();
  const part = await open();
  await part.append([Buffer.from('{"a":1}\n')]);

  await part[Symbol.asyncDispose]();

  assert.equal(staged()?.lease, undefined, 'nobody writes it any more');
  assert.equal(staged()?.bytes.toString(), '{"a":1}\n');
  await assert.rejects(part.append([Buffer.from('{"a":2}\n')]));
  await assert.rejects(part.close());
  assert.equal(staged()?.bytes.toString(), '{"a":1}\n');
  assert.equal(model.requestCounts.get('dataNode.CREATE'), 1);
});

test('a part that is given up while the cluster does not move is given up at once', async () => {
  const { open, virtual } = bench({ call: atEffect('write', 1, () => never) });
  const part = await open();
  const appending = part.append([Buffer.from('{"a":1}\n')]);

  await Promise.all([assert.rejects(appending), virtual.run(Promise.resolve(part[Symbol.asyncDispose]()))]);

  assert.equal(virtual.nowMs, 0);
});

test('the end of the incarnation ends what waits, and what comes after it', async () => {
  for (const [suffix, end] of [
    ['write', (part) => part.append([Buffer.from('{"a":2}\n')])],
    ['close', (part) => part.close()],
  ] as ['write' | 'close', (part: Awaited<ReturnType<ReturnType<typeof bench>['open']>>) => Promise<unknown>][]) {
    const { open, controller, virtual, staged } = bench({
      call: atEffect(suffix, suffix === 'write' ? 2 : 1, () => never),
    });
    await using part = await open();
    await part.append([Buffer.from('{"a":1}\n')]);
    const waiting = assert.rejects(end(part));
    controller.abort(new Error('the incarnation is over'));

    await virtual.run(waiting);

    assert.equal(virtual.nowMs, 0);
    await assert.rejects(part.append([Buffer.from('{"a":3}\n')]));
    await assert.rejects(part.close());
    assert.equal(staged()?.bytes.toString(), '{"a":1}\n');
  }
});

test('nothing is begun when the incarnation is over', async () => {
  const { open, controller, model } = bench();
  const why = new Error('the incarnation is over');
  controller.abort(why);

  await assert.rejects(open(), (error) => error === why);

  assert.deepEqual([...model.requestCounts], []);
});
