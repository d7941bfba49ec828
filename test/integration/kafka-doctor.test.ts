import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { serveRegistry } from '../../testing/schema-registry/server.ts';
import { folderWith, sluice } from '../cli/sluice.ts';
import { sharedBrokers, skipWithoutKafka, testTopic } from '../services/kafka.ts';

async function diagnose(t: TestContext, ...topics: string[]) {
  return await diagnoseSource(t, { topics });
}

async function diagnoseSource(t: TestContext, settings: object) {
  const pipeline = {
    name: 'clicks',
    source: { type: 'kafka', brokers: sharedBrokers().split(','), ...settings },
    sink: { type: 'file', path: './out' },
  };
  const folder = folderWith(t, { 'p.yaml': JSON.stringify(pipeline) });
  return await sluice(t, folder, ['doctor', 'p.yaml']).ended;
}

test('on a real broker doctor warns of topics that delete records soon', { skip: skipWithoutKafka }, async (t) => {
  const short = await testTopic(t, { partitions: 2, configs: { 'retention.ms': '7200000' } });
  const long = await testTopic(t, { configs: { 'retention.ms': '-1' } });
  const compacted = await testTopic(t, { configs: { 'cleanup.policy': 'compact', 'retention.ms': '7200000' } });

  const { code, stdout } = await diagnose(t, short, long, compacted);

  assert.equal(code, 0, stdout);
  const [, reached, ...lines] = stdout.slice(0, stdout.indexOf('\n\nsink')).split('\n');
  assert.equal(reached, '  ok       answers: 4 partitions of 3 topics');
  assert.deepEqual(lines, [
    `  warning  topic ${short} deletes records after 2 h: a pipeline that stands still for longer loses what it has not read`,
    '           Set retention.ms of the topic to a day or more (86400000), longer than any outage may last.',
  ]);
});

test('on a real broker a topic that does not exist is a problem', { skip: skipWithoutKafka }, async (t) => {
  const { code, stdout } = await diagnose(t, 'test-nowhere');

  assert.equal(code, 2);
  assert.match(
    stdout,
    /^source {2}kafka\n {2}problem {2}Kafka: topic test-nowhere does not exist\n {11}Check the spelling/,
  );
});

test('a schema registry is asked, too', { skip: skipWithoutKafka }, async (t) => {
  await using registry = await serveRegistry();
  const topics = [await testTopic(t)];
  const diagnosed = () => diagnoseSource(t, { topics, value: { format: 'avro', registry: { urls: [registry.url] } } });

  const well = await diagnosed();
  await registry.close();
  const away = await diagnosed();

  assert.equal(well.code, 0, well.stdout);
  assert.ok(well.stdout.includes(`ok       the schema registry at ${registry.url} answers`), well.stdout);
  assert.equal(away.code, 2);
  assert.match(away.stdout, /problem {2}could not read schemas of the schema registry at .*ECONNREFUSED/);
});
