import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cutConnection,
  refusal,
  refusedConnection,
  type Script,
  scripted,
  standby,
  status,
} from './support/scripted-wire.ts';

const settings = { urls: ['http://nn1:9870', 'http://nn2:9870'], server: 'namenode' as const };
const pair = (script: Script) => scripted(script, { settings });

test('the active NameNode is looked for and then kept', async () => {
  const { client, run, asked } = pair(({ host }) => (host === 'nn1:9870' ? standby : status()));

  await run(client.getFileStatus('/a'));
  await run(client.getFileStatus('/b'));

  assert.deepEqual(asked(), ['GETFILESTATUS nn1:9870', 'GETFILESTATUS nn2:9870', 'GETFILESTATUS nn2:9870']);
});

test('a standby takes the first step of a write, so another call looks for the active one before', async () => {
  const { client, run, seen, asked } = pair(({ op, host }) => {
    if (op === 'GETFILESTATUS') return host === 'nn1:9870' ? standby : status();
    return host.startsWith('nn') ? { json: { Location: 'http://dn1:9864/x?op=CREATE' } } : { status: 201 };
  });

  await run(client.create('/a', Buffer.from('x')));
  await run(client.create('/b', Buffer.from('x')));

  assert.equal(seen[0]?.path, '/webhdfs/v1/');
  assert.deepEqual(asked(), [
    ...['GETFILESTATUS nn1:9870', 'GETFILESTATUS nn2:9870'],
    ...['CREATE nn2:9870', 'CREATE dn1:9864', 'CREATE nn2:9870', 'CREATE dn1:9864'],
  ]);
});

test('even a rename goes on at the other one, where nothing can have happened', async () => {
  for (const refused of [standby, refusedConnection(), refusal(403, 'RetriableException')]) {
    const { client, run, asked } = pair(({ host }) => (host === 'nn1:9870' ? refused : {}));

    await run(client.rename('/a', '/b'));

    assert.deepEqual(asked(), ['RENAME nn1:9870', 'RENAME nn2:9870']);
  }
});

test('a rename without an answer goes nowhere else', async () => {
  const { client, run, asked } = pair(() => cutConnection());

  await assert.rejects(run(client.rename('/a', '/b')), { reason: 'unknown' });

  assert.deepEqual(asked(), ['RENAME nn1:9870']);
});

test('a NameNode that hangs is left after half a minute', async () => {
  const { client, run, asked, virtual } = pair(({ host }) => (host === 'nn1:9870' ? 'silence' : status()));

  await run(client.getFileStatus('/a'));

  assert.deepEqual(asked(), ['GETFILESTATUS nn1:9870', 'GETFILESTATUS nn2:9870']);
  assert.equal(virtual.nowMs, 30_000);
});

test('a failover of some seconds is sat out, with both of them standby or away', async () => {
  let activeFromMs = 8_000;
  const { client, run, virtual } = pair(({ host }) => {
    if (virtual.nowMs < activeFromMs) return host === 'nn1:9870' ? refusedConnection() : standby;
    return host === 'nn2:9870' ? {} : refusedConnection();
  });

  await run(client.rename('/a', '/b'));
  assert.ok(virtual.nowMs >= 8_000 && virtual.nowMs < 15_000, `${virtual.nowMs} ms`);

  activeFromMs = Number.POSITIVE_INFINITY;
  const begunMs = virtual.nowMs;
  await assert.rejects(run(client.rename('/a', '/b')), { kind: 'unavailable' });
  assert.ok(virtual.nowMs - begunMs < 60_000, `${virtual.nowMs - begunMs} ms`);
});

test('safe mode is a reason to wait, not to go elsewhere', async () => {
  let left = 2;
  const { client, run, asked } = pair(() =>
    left-- > 0 ? refusal(403, 'SafeModeException') : { json: { boolean: true } },
  );

  await run(client.mkdirs('/a'));

  assert.deepEqual(asked(), ['MKDIRS nn1:9870', 'MKDIRS nn1:9870', 'MKDIRS nn1:9870']);
});

test('several calls that find the active one gone move on by one, not past it', async () => {
  let active = 'nn1:9870';
  const three = { urls: ['http://nn1:9870', 'http://nn2:9870', 'http://nn3:9870'] };
  const { client, run, asked } = scripted(({ host }) => (host === active ? status() : standby), { settings: three });
  await run(client.getFileStatus('/a'));
  active = 'nn2:9870';

  await run(Promise.all(['/a', '/b', '/c'].map((path) => client.getFileStatus(path))));

  assert.ok(!asked().includes('GETFILESTATUS nn3:9870'), asked().join());
});
