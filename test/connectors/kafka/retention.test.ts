import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topicConfigsApi } from '../../../connectors/kafka/config-requests.ts';
import { judgeRetention } from '../../../connectors/kafka/retention.ts';
import { WireReader, WireWriter } from '../../../connectors/kafka/wire.ts';

const topic = (values: Record<string, string | null>, errorCode = 0) => ({
  ...{ topic: 'clicks', errorCode },
  values: new Map(Object.entries(values)),
});
const level = (values: Record<string, string | null>) => judgeRetention([topic(values)])[0]?.level;

test('a topic that deletes records within a day is a warning, with how soon', () => {
  assert.equal(level({ 'retention.ms': '86400000', 'cleanup.policy': 'delete' }), 'good');
  assert.equal(level({ 'retention.ms': '86399999', 'cleanup.policy': 'delete' }), 'warning');
  assert.equal(level({ 'retention.ms': '1000', 'cleanup.policy': 'compact, delete' }), 'warning');
  const [finding] = judgeRetention([topic({ 'retention.ms': '3600000' })]);
  assert.match(String(finding?.what), /^topic clicks deletes records after 60 min: a pipeline that stands still/);
});

test('a topic that keeps records for ever, or only compacts, is fine', () => {
  assert.equal(level({ 'retention.ms': '-1', 'cleanup.policy': 'delete' }), 'good');
  assert.equal(level({ 'retention.ms': '1000', 'cleanup.policy': 'compact' }), 'good');
  assert.equal(level({}), 'good');
});

test('a topic that may not be looked at is a note with the permission', () => {
  const [finding] = judgeRetention([topic({}, 29)]);

  assert.equal(finding?.level, 'note');
  assert.match(String(finding?.what), /not known: 29 TOPIC_AUTHORIZATION_FAILED/);
  assert.match(String(finding?.help), /Allow DescribeConfigs on topic clicks/);
});

test('the answer to DescribeConfigs is read as the protocol writes it', () => {
  const writer = new WireWriter().i32(0);
  writer.array(['clicks'], (name) => {
    writer.i16(0).string(null).i8(2).string(name);
    writer.array(['3600000', null], (value) => {
      writer.string(value === null ? 'cleanup.policy' : 'retention.ms').string(value);
      writer.bool(false).i8(1).bool(false);
      writer.array(['synonym'], (synonym) => writer.string(synonym).string(null).i8(5));
    });
  });

  const [found] = topicConfigsApi.decode(new WireReader(writer.done()));

  assert.deepEqual(found, topic({ 'retention.ms': '3600000', 'cleanup.policy': null }));
});
