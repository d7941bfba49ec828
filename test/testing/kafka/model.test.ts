import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchApi } from '../../../connectors/kafka/fetch-request.ts';
import { findCoordinatorApi, offsetCommitApi, offsetFetchApi } from '../../../connectors/kafka/group-requests.ts';
import { metadataApiFor, type TopicMetadata } from '../../../connectors/kafka/metadata-request.ts';
import { listOffsetsApi, offsetForLeaderEpochApi } from '../../../connectors/kafka/offset-requests.ts';
import type { KafkaModel } from '../../../testing/kafka/model.ts';
import { add, ask, clicks, fetchFrom } from './support/client.ts';

const OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC = 3;
const NOT_LEADER = 6;
const NOT_COORDINATOR = 16;
const FENCED_EPOCH = 74;
const UNKNOWN_EPOCH = 75;

const describe = (model: KafkaModel, nodeId = 1, name = 'clicks') => {
  const { brokers, topics } = ask(model, nodeId, metadataApiFor({ min: 0, max: 12 }), { topics: [name] });
  return { brokers, topic: topics[0] as TopicMetadata };
};

const epochEnd = (model: KafkaModel, leaderEpoch: number, nodeId = 1) => {
  const asked = { topic: 'clicks', partition: 0, currentLeaderEpoch: -1, leaderEpoch };
  const [end] = ask(model, nodeId, offsetForLeaderEpochApi, { partitions: [asked] });
  return [end?.errorCode, end?.leaderEpoch, end?.endOffset];
};

const listed = (model: KafkaModel, timestampMs: number, { readCommitted = true, nodeId = 1 } = {}) => {
  const asked = { topic: 'clicks', partition: 0, leaderEpoch: -1, timestampMs };
  const [one] = ask(model, nodeId, listOffsetsApi, { readCommitted, partitions: [asked] });
  return [one?.errorCode, one?.offset, one?.leaderEpoch];
};

// Leaders.

test('partitions are spread over the nodes, and only its leader lets a partition be read', () => {
  const model = clicks({ nodes: 2, partitions: 3 });
  assert.deepEqual(
    describe(model).topic.partitions.map(({ leader }) => leader),
    [1, 2, 1],
  );
  assert.equal(fetchFrom(model, 0, { nodeId: 1, partition: 1 }).errorCode, NOT_LEADER);
  assert.equal(fetchFrom(model, 0, { nodeId: 2, partition: 1 }).errorCode, 0);
});

test('when a leader moves, the old one refuses, an old epoch is fenced, and one not yet known is told so', () => {
  const model = clicks({ nodes: 2 });
  add(model, 2);
  model.moveLeader('clicks', 0, 2);
  const errorOf = (nodeId: number, leaderEpoch: number) => fetchFrom(model, 0, { nodeId, leaderEpoch }).errorCode;
  assert.equal(errorOf(1, -1), NOT_LEADER);
  assert.equal(errorOf(1, 1), NOT_LEADER);
  assert.equal(errorOf(1, 0), FENCED_EPOCH);
  assert.equal(errorOf(2, 0), FENCED_EPOCH);
  assert.equal(errorOf(2, 2), UNKNOWN_EPOCH);
  assert.equal(errorOf(2, 1), 0);
  assert.deepEqual(describe(model).topic.partitions[0], { errorCode: 0, partition: 0, leader: 2, leaderEpoch: 1 });
});

test('a node that stops is gone from the metadata, and its partitions move to another', () => {
  const model = clicks({ nodes: 2, partitions: 2 });
  model.stopNode(1);
  const { brokers, topic } = describe(model, 2);
  assert.deepEqual(brokers, [{ nodeId: 2, host: 'node-2', port: 9092 }]);
  assert.deepEqual(
    topic.partitions.map(({ leader, leaderEpoch }) => [leader, leaderEpoch]),
    [
      [2, 1],
      [2, 0],
    ],
  );
  model.startNode(1);
  assert.equal(describe(model).topic.partitions[0]?.leader, 2, 'they stay there');
});

test('the last node that stops leaves its partitions without a leader until a node starts', () => {
  const model = clicks({ nodes: 2 });
  model.stopNode(1, { leaderless: true });
  const [partition] = describe(model, 2).topic.partitions;
  assert.deepEqual([partition?.errorCode, partition?.leader, partition?.leaderEpoch], [5, -1, 1]);
  assert.equal(fetchFrom(model, 0, { nodeId: 2 }).errorCode, NOT_LEADER);
  model.startNode(1);
  assert.deepEqual(describe(model).topic.partitions[0], { errorCode: 0, partition: 0, leader: 1, leaderEpoch: 2 });
});

test('a stopped node cannot be made leader', () => {
  const model = clicks({ nodes: 2 });
  model.stopNode(2);
  model.moveLeader('clicks', 0, 2);
  assert.equal(describe(model).topic.partitions[0]?.leader, 1);
});

// Epochs and lost records.

test('an epoch ends where the next one with records begins', () => {
  const model = clicks();
  add(model, 4); // epoch 0
  model.moveLeader('clicks', 0, 1); // epoch 1, nothing is written
  model.moveLeader('clicks', 0, 1); // epoch 2
  add(model, 3);
  assert.deepEqual(epochEnd(model, 0), [0, 0, 4]);
  assert.deepEqual(epochEnd(model, 1), [0, 0, 4], 'the largest one below that left a trace');
  assert.deepEqual(epochEnd(model, 2), [0, 2, 7]);
  assert.deepEqual(epochEnd(model, 3), [0, -1, -1], 'nothing is known of it');
});

test('an unclean election cuts whole batches off, and the leader tells where the old epoch ends now', () => {
  const model = clicks({ nodes: 2 });
  add(model, 3); // 0 to 2
  add(model, 3); // 3 to 5
  model.truncate('clicks', 0, 4, 2);
  assert.equal(model.endOffset('clicks', 0), 3);
  assert.deepEqual(epochEnd(model, 0, 2), [0, 0, 3]);
  assert.equal(fetchFrom(model, 5, { nodeId: 2 }).errorCode, OUT_OF_RANGE);
  assert.equal(add(model, 4), 3, 'other records get the offsets');
  assert.deepEqual(epochEnd(model, 0, 2), [0, 0, 3]);
  assert.deepEqual(epochEnd(model, 1, 2), [0, 1, 7]);
});

test('an epoch whose records are all cut off is forgotten', () => {
  const model = clicks();
  add(model, 2); // epoch 0
  model.moveLeader('clicks', 0, 1);
  add(model, 2); // epoch 1
  model.truncate('clicks', 0, 2);
  assert.deepEqual(epochEnd(model, 1), [0, 0, 2]);
});

test('deleted records cannot be fetched; of a batch that reaches over the start all is returned', () => {
  const model = clicks();
  add(model, 3);
  add(model, 3);
  model.deleteRecordsBefore('clicks', 0, 4);
  assert.equal(fetchFrom(model, 3).errorCode, OUT_OF_RANGE);
  assert.deepEqual(fetchFrom(model, 4).offsets, [3]);
  assert.equal(fetchFrom(model, 4).logStartOffset, 4);
  model.deleteRecordsBefore('clicks', 0, 1_000);
  assert.deepEqual(listed(model, -2), [0, 6, 0], 'everything is the most that can be deleted');
  assert.equal(add(model, 1), 6);
});

// Offsets.

test('gaps: with the header of the batch they are passed, without it the next batch lies behind them', () => {
  const model = clicks();
  add(model, 1);
  model.leaveGap('clicks', 0, 3, { asEmptyBatch: true });
  assert.equal(model.endOffset('clicks', 0), 4);
  model.leaveGap('clicks', 0, 5, { asEmptyBatch: false });
  assert.equal(model.endOffset('clicks', 0), 4, 'compaction never removes the end of a log');
  assert.equal(add(model, 1), 9);
  assert.deepEqual(fetchFrom(model, 0).offsets, [0, 1, 9]);
  assert.deepEqual(fetchFrom(model, 6).offsets, [9]);
  assert.equal(model.append('clicks', 0, [{ value: 'a' }, { value: 'b', offsetDelta: 7 }]), 10);
  assert.equal(model.endOffset('clicks', 0), 18);
});

test('offsets by time are those of records, and with read_committed none behind the last stable one', () => {
  const model = clicks();
  const at = (timestampMs: number) => ({ value: 'v', timestampMs });
  model.append('clicks', 0, [at(1_000), at(2_000)]);
  model.moveLeader('clicks', 0, 1);
  model.append('clicks', 0, [at(3_000), at(4_000)]);
  model.beginTransaction(1);
  model.append('clicks', 0, [at(5_000)], { producerId: 1 });
  assert.deepEqual(listed(model, -2), [0, 0, 0]);
  assert.deepEqual(listed(model, -1), [0, 4, 1]);
  assert.deepEqual(listed(model, -1, { readCommitted: false }), [0, 5, 1]);
  assert.deepEqual(listed(model, 1_500), [0, 1, 0]);
  assert.deepEqual(listed(model, 4_000), [0, 3, 1]);
  assert.deepEqual(listed(model, 4_500), [0, -1, -1]);
  assert.deepEqual(listed(model, 4_500, { readCommitted: false }), [0, 4, 1]);
  assert.deepEqual(listed(model, -2, { nodeId: 2 })[0], NOT_LEADER);
});

// Topics.

test('new partitions are empty and led; a topic made again has another id and nothing in it', () => {
  const model = clicks({ nodes: 2 });
  add(model, 3);
  model.addPartitions('clicks', 3);
  const before = describe(model).topic;
  assert.equal(before.partitions.length, 3);
  model.recreateTopic('clicks');
  const after = describe(model).topic;
  assert.equal(after.partitions.length, 3);
  assert.notEqual(after.topicId, before.topicId);
  assert.equal(model.endOffset('clicks', 0), 0);
  model.deleteTopic('clicks');
  assert.equal(describe(model).topic.errorCode, UNKNOWN_TOPIC);
});

// Fetches.

test('only the first records of an answer may exceed its bounds, and the last batch may be cut', () => {
  const model = clicks();
  add(model, 1);
  add(model, 1);
  const whole = fetchFrom(model, 0);
  const batchBytes = (whole.end - whole.start) / 2;
  const sizeOf = (bytesMax: number) => {
    const { start, end } = fetchFrom(model, 0, { bytesMax });
    return end - start;
  };
  assert.equal(sizeOf(1), batchBytes);
  assert.equal(sizeOf(batchBytes + 5), batchBytes + 5);
  assert.equal(sizeOf(10_000), 2 * batchBytes);
});

test('the bounds of an answer are shared by its partitions, first come first served', () => {
  const model = clicks({ partitions: 3 });
  add(model, 1, { partition: 1 });
  add(model, 1, { partition: 2 });
  const { start, end } = fetchFrom(model, 0, { partition: 1 });
  const batchBytes = end - start;
  const sizesOf = (maxBytes: number) => {
    const partition = { topic: 'clicks', leaderEpoch: -1, offset: 0, maxBytes: 1 << 20 };
    const partitions = [0, 1, 2].map((index) => ({ ...partition, partition: index }));
    const fetched = ask(model, 1, fetchApi, { maxWaitMs: 0, maxBytes, readCommitted: true, partitions });
    return fetched.partitions.map((one) => one.end - one.start);
  };
  assert.deepEqual(sizesOf(1 << 20), [0, batchBytes, batchBytes]);
  assert.deepEqual(sizesOf(1), [0, batchBytes, 0], 'one batch comes, however large');
  assert.deepEqual(sizesOf(2 * batchBytes - 1), [0, batchBytes, 0], 'a first batch that does not fit is not cut');
  assert.deepEqual(sizesOf(2 * batchBytes), [0, batchBytes, batchBytes]);
});

test('a fetch that finds nothing may wait, one with an error may not', () => {
  const model = clicks();
  assert.equal(fetchFrom(model, 0).waitMs, 500);
  assert.equal(fetchFrom(model, 1).waitMs, 0);
  add(model, 1);
  assert.equal(fetchFrom(model, 0).waitMs, 0);
});

test('a planned error is given once', () => {
  const model = clicks();
  model.state.fetchErrors.set('clicks/0', 29);
  assert.equal(fetchFrom(model, 0).errorCode, 29);
  assert.equal(fetchFrom(model, 0).errorCode, 0);
});

// Groups.

test('one node keeps the offsets of groups, the others send away', () => {
  const model = clicks({ nodes: 2 });
  const committed = { group: 'g', partitions: [{ topic: 'clicks', partition: 0, offset: 7, leaderEpoch: 0 }] };
  const { nodeId } = ask(model, 2, findCoordinatorApi, { group: 'g' });
  assert.equal(nodeId, 1);
  assert.equal(ask(model, 2, offsetCommitApi, committed)[0]?.errorCode, NOT_COORDINATOR);
  assert.equal(ask(model, 2, offsetFetchApi, committed).errorCode, NOT_COORDINATOR);
  assert.equal(ask(model, 1, offsetCommitApi, committed)[0]?.errorCode, 0);
  assert.equal(ask(model, 1, offsetFetchApi, committed).partitions[0]?.offset, 7);
  model.stopNode(1);
  assert.equal(ask(model, 2, findCoordinatorApi, { group: 'g' }).nodeId, 2);
  assert.equal(ask(model, 2, offsetFetchApi, committed).partitions[0]?.offset, 7, 'they outlive the node');
});
