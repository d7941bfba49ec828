import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import avro from 'avsc';
import { file } from '../../connectors/file/index.ts';
import { kafka } from '../../connectors/kafka/index.ts';
import { diagnoseRegistry } from '../../connectors/schema-registry/diagnosis.ts';
import { registrySettings } from '../../connectors/schema-registry/settings.ts';
import { pipeline } from '../../core/index.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';
import { ORDER_1, ORDER_2, order } from '../connectors/kafka/support/orders.ts';
import { prefixed } from '../connectors/schema-registry/support/values.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { kafkaClient } from './broker.ts';
import { sharedBrokers, skipWithoutKafka, testTopic } from './kafka.ts';
import { testRegistry } from './schema-registry.ts';

async function produce(topic: string, values: readonly (Buffer | null)[]): Promise<void> {
  const producer = kafkaClient(sharedBrokers()).producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

/** The lines of a bounded run, in no order. */
async function linesOf(t: TestContext, topic: string, url: string): Promise<string[]> {
  const path = await temporaryDirectory(t);
  const source = kafka({
    ...{ brokers: sharedBrokers().split(','), topics: [topic], stop: 'latest', publishOffsets: false },
    value: { format: 'avro', registry: { urls: [url], timeout: '2s' } },
  });
  await pipeline({ name: 'orders', source, sink: file({ path, nulls: 'write' }), restart: { attempts: 0 } }).run();
  return globSync(join(path, '**/*.ndjson')).flatMap((name) => readFileSync(name, 'utf8').split('\n').slice(0, -1));
}

test('on a real registry and a real broker Avro of several schemas is read by the one that each value names', {
  skip: skipWithoutKafka,
}, async (t) => {
  const registry = await testRegistry(t);
  if (registry === undefined) return;
  const ids = [await registry.register('orders-value', ORDER_1), await registry.register('orders-value', ORDER_2)];
  const topic = await testTopic(t, { partitions: 3 });
  const orders = Array.from({ length: 2_000 }, (_, n) => order(n, ids as [number, number]));
  await produce(topic, [...orders.map(({ bytes }) => bytes), null]);

  const lines = await linesOf(t, topic, registry.url);

  assert.deepEqual(lines.toSorted(), [...orders.map(({ json }) => json), 'null'].toSorted());
});

test('on a real registry a schema that refers to another one is read with it', {
  skip: skipWithoutKafka,
}, async (t) => {
  const registry = await testRegistry(t);
  if (registry === undefined) return;
  const money = { type: 'record', name: 'shop.Money', fields: [{ name: 'cents', type: 'int' }] } satisfies avro.Schema;
  const bill = (type: avro.Schema) =>
    ({ type: 'record', name: 'shop.Bill', fields: [{ name: 'price', type }] }) satisfies avro.Schema;
  await registry.register('money', money);
  const references = [{ name: 'shop.Money', subject: 'money', version: 1 }];
  const id = await registry.register('bills-value', bill('shop.Money'), references);
  const topic = await testTopic(t);
  await produce(topic, [prefixed(id, avro.Type.forSchema(bill(money)).toBuffer({ price: { cents: 250 } }))]);

  assert.deepEqual(await linesOf(t, topic, registry.url), ['{"price":{"cents":250}}']);
});

test('on a real registry doctor finds it well, an unknown id is named, and one that was killed is away', {
  skip: skipWithoutKafka,
}, async (t) => {
  const registry = await testRegistry(t);
  if (registry === undefined) return;
  const settings = registrySettings.parse({ urls: [registry.url], timeout: '2s' });
  const diagnosed = () => diagnoseRegistry(settings, { env: systemEnv(), signal: new AbortController().signal });
  const topic = await testTopic(t);
  await produce(topic, [prefixed(4711, 'x')]);

  assert.deepEqual(
    (await diagnosed()).map(({ level }) => level),
    ['good'],
  );
  await assert.rejects(linesOf(t, topic, registry.url), {
    code: 'REGISTRY_UNKNOWN',
    message: /\/0: the record at offset 0 names a schema that cannot be had: .*schema id 4711/,
  });
  await registry.kill();
  assert.deepEqual(
    (await diagnosed()).map(({ level }) => level),
    ['problem'],
  );
  await assert.rejects(linesOf(t, topic, registry.url), { kind: 'unavailable', code: 'REGISTRY_UNAVAILABLE' });
});
