import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchApi } from '../../../connectors/kafka/fetch-request.ts';
import { offsetCommitApi } from '../../../connectors/kafka/group-requests.ts';
import { metadataApiFor } from '../../../connectors/kafka/metadata-request.ts';
import { listOffsetsApi, TIMESTAMP_LATEST } from '../../../connectors/kafka/offset-requests.ts';
import { WireError, WireReader, WireWriter } from '../../../connectors/kafka/wire.ts';

const hex = (bytes: Buffer) =>
  bytes
    .toString('hex')
    .replace(/(.{8})/g, '$1 ')
    .trim();

test('a fetch names each topic once, in the order in which its partitions first come', () => {
  const partition = (topic: string, index: number) => ({
    topic,
    partition: index,
    leaderEpoch: 3,
    offset: 5,
    maxBytes: 1024,
  });
  const body = fetchApi.encode({
    maxWaitMs: 500,
    maxBytes: 65536,
    readCommitted: true,
    partitions: [partition('b', 1), partition('a', 0), partition('b', 0)],
  });
  const reader = new WireReader(body);
  assert.deepEqual(
    [reader.i32(), reader.i32(), reader.i32(), reader.i32(), reader.i8(), reader.i32(), reader.i32()],
    [-1, 500, 1, 65536, 1, 0, -1],
  );
  const topics = reader.array(() => {
    const topic = reader.string();
    const partitions = reader.array(() => {
      const index = reader.i32();
      assert.deepEqual([reader.i32(), reader.i64(), reader.i64(), reader.i32()], [3, 5, -1, 1024]);
      return index;
    });
    return [topic, partitions];
  });
  assert.deepEqual(topics, [
    ['b', [1, 0]],
    ['a', [0]],
  ]);
  assert.deepEqual([reader.i32(), reader.string(), reader.left], [0, '', 0]);
});

test('requests are the bytes of their protocol version', () => {
  // Metadata v12, one topic "t": array of 1, zero topic id, name, tags; no auto-creation, no operations, tags.
  const metadata = metadataApiFor({ min: 0, max: 13 });
  assert.equal(hex(metadata.encode({ topics: ['t'] })), '02000000 00000000 00000000 00000000 00027400 000000');
  assert.equal(hex(metadata.encode({ topics: null })), '00000000');
  // v10 has one flag more, v7 is not flexible.
  assert.equal(hex(metadataApiFor({ min: 0, max: 11 }).encode({ topics: [] })), '01000000 00');
  assert.equal(hex(metadataApiFor({ min: 0, max: 8 }).encode({ topics: null })), 'ffffffff 00');
  // ListOffsets v5: replica -1, isolation, one topic, one partition with epoch and timestamp -1.
  const question = { topic: 't', partition: 2, leaderEpoch: 4, timestampMs: TIMESTAMP_LATEST };
  assert.equal(
    hex(listOffsetsApi.encode({ readCommitted: false, partitions: [question] })),
    'ffffffff 00000000 01000174 00000001 00000002 00000004 ffffffff ffffffff',
  );
  // OffsetCommit v7: group, generation -1, no member, no instance, offset 258 with epoch 6, empty metadata.
  assert.equal(
    hex(
      offsetCommitApi.encode({ group: 'g', partitions: [{ topic: 't', partition: 0, offset: 258, leaderEpoch: 6 }] }),
    ),
    '000167ff ffffff00 00ffff00 00000100 01740000 00010000 00000000 00000000 01020000 00060000',
  );
});

test('a fetch answer cut anywhere is refused, never read beyond its end', () => {
  const writer = new WireWriter().i32(7).i16(0).i32(0);
  writer.array(['clicks'], (topic) => {
    writer.string(topic).array([0], (partition) => {
      writer.i32(partition).i16(0).i64(100).i64(90).i64(10);
      writer.array([{ producerId: 5, firstOffset: 80 }], ({ producerId, firstOffset }) =>
        writer.i64(producerId).i64(firstOffset),
      );
      writer.i32(-1).i32(4).raw(Buffer.from('data'));
    });
  });
  const whole = writer.done();
  const framed = Buffer.concat([whole, Buffer.alloc(100, 1)]);
  const { throttleMs, partitions } = fetchApi.decode(new WireReader(framed, 0, whole.length));
  assert.equal(throttleMs, 7);
  const [partition] = partitions;
  assert.ok(partition);
  assert.deepEqual(
    { ...partition, bytes: framed.toString('utf8', partition.start, partition.end) },
    {
      topic: 'clicks',
      partition: 0,
      errorCode: 0,
      highWatermark: 100,
      lastStableOffset: 90,
      logStartOffset: 10,
      aborted: [{ producerId: 5, firstOffset: 80 }],
      start: whole.length - 4,
      end: whole.length,
      bytes: 'data',
    },
  );
  for (let end = 0; end < whole.length; end++) {
    assert.throws(() => fetchApi.decode(new WireReader(framed, 0, end)), WireError, `cut at ${end}`);
  }
});
