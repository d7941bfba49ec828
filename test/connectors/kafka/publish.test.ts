import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KafkaOptions } from '../../../connectors/kafka/index.ts';
import { WireWriter } from '../../../connectors/kafka/wire.ts';
import { FIND_COORDINATOR, OFFSET_COMMIT } from '../../../testing/kafka/cluster-state.ts';
import { FakeCluster } from './support/fake-broker.ts';
import { eventually, readKafka } from './support/harness.ts';

async function start(t: TestContext, options: Partial<KafkaOptions> = {}) {
  const cluster = await FakeCluster.start(t);
  cluster.topic('clicks', 2);
  const opened = await readKafka(t, { brokers: cluster.brokers, topics: ['clicks'], ...options });
  const announce = (...offsets: number[]) =>
    opened.reader.announce?.(
      offsets.map((offset, partition) => ({ split: `clicks/${partition}`, position: { offset, leaderEpoch: 2 } })),
    );
  const published = (group = 'sluice.test') => Object.fromEntries(cluster.groups.get(group) ?? []);
  return { cluster, announce, published, ...opened };
}

test('announced positions reach the group of the pipeline, with their epochs', async (t) => {
  const { announce, published } = await start(t);
  announce(5, 7);
  await eventually('they are published', () => published()['clicks/1'] !== undefined);
  assert.deepEqual(published(), {
    'clicks/0': { offset: 5, leaderEpoch: 2 },
    'clicks/1': { offset: 7, leaderEpoch: 2 },
  });
});

test('the group can be named, and publishing can be turned off', async (t) => {
  const named = await start(t, { publishGroup: 'mine' });
  named.announce(1);
  await eventually('it is published', () => named.published('mine')['clicks/0'] !== undefined);
  const off = await start(t, { publishOffsets: false });
  off.announce(1);
  await off.reader[Symbol.asyncDispose]();
  assert.deepEqual(off.published(), {});
});

test('announcing never waits: what comes while one is written is written once, the newest', async (t) => {
  const { cluster, announce, published } = await start(t);
  for (let offset = 1; offset <= 500; offset++) announce(offset);
  await eventually('the newest arrives', () => published()['clicks/0']?.offset === 500);
  assert.ok(cluster.calls.filter(({ apiKey }) => apiKey === OFFSET_COMMIT).length <= 3);
});

test('disposing gives the last announcement a moment, and no more', async (t) => {
  const { cluster, announce, published, reader } = await start(t);
  announce(9);
  await reader[Symbol.asyncDispose]();
  assert.equal(published()['clicks/0']?.offset, 9);

  const stuck = await start(t);
  stuck.cluster.intervene = ({ apiKey }) => (apiKey === FIND_COORDINATOR ? 'ignore' : undefined);
  stuck.announce(1);
  const startedAt = performance.now();
  await stuck.reader[Symbol.asyncDispose]();
  assert.ok(performance.now() - startedAt < 1_500);
  assert.ok(cluster.calls.length > 0);
});

test('a missing permission is one warning, and reading goes on', async (t) => {
  const { cluster, announce, logs, reader } = await start(t);
  let refusals = 0;
  cluster.intervene = ({ apiKey }) => {
    if (apiKey !== FIND_COORDINATOR) return undefined;
    refusals++;
    return new WireWriter().i32(0).i16(30).string('no').i32(-1).string('').i32(-1).done();
  };
  for (let offset = 1; refusals < 3; offset++) {
    announce(offset);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(offset < 200);
  }
  await eventually('it is told', () => logs.some((line) => line.startsWith('warn')));
  const warnings = logs.filter((line) => line.startsWith('warn') && line.includes('sluice.test'));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, /30 GROUP_AUTHORIZATION_FAILED/);
  assert.equal(await reader.poll({ signal: AbortSignal.timeout(5_000) }), 'idle');
});

test('after a failure the next announcement is written', async (t) => {
  const { cluster, announce, published } = await start(t);
  let failures = 2;
  cluster.intervene = ({ apiKey }) => (apiKey === OFFSET_COMMIT && failures-- > 0 ? 'close' : undefined);
  for (let offset = 1; published()['clicks/0'] === undefined; offset++) {
    announce(offset);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(offset < 200);
  }
});
