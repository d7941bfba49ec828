import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { encodeRecord, RecordReader } from '../../../testing/ledger/record.ts';

const anyRecord = fc.record(
  {
    topic: fc.stringMatching(/^[a-zA-Z0-9._-]{1,40}$/),
    partition: fc.nat(4096),
    sequence: fc.nat(2 ** 40),
    planned: fc.constantFrom('commit' as const, 'abort' as const),
  },
  { noNullPrototype: true },
);

test('what is encoded is read back, whatever lies around it, and is JSON of the size asked for', () => {
  const reader = new RecordReader();
  fc.assert(
    fc.property(anyRecord, fc.integer({ min: 150, max: 3_000 }), (record, valueBytes) => {
      const value = encodeRecord(record, valueBytes);

      assert.equal(value.length, valueBytes);
      assert.ok(reader.read(Buffer.concat([Buffer.from('}\n'), value, Buffer.from('\n{')]), 2, 2 + value.length));
      const { topic, partition, sequence, planned } = reader;
      assert.deepEqual({ topic, partition, sequence, planned }, record);
      const { t, p, s, x } = JSON.parse(value.toString());
      assert.deepEqual({ topic: t, partition: p, sequence: s, planned: x }, record);
    }),
  );
});

test('a size too small for the fields gives the smallest record there is', () => {
  const value = encodeRecord({ topic: 'clicks', partition: 3, sequence: 120, planned: 'commit' }, 10);

  assert.match(value.toString(), /^\{"t":"clicks","p":3,"s":120,"x":"commit","pad":"","h":"[0-9a-f]{8}"\}$/);
  assert.ok(new RecordReader().read(value, 0, value.length));
});

test('the time of the event is a field of the JSON, and as whole as the rest', () => {
  const reader = new RecordReader();

  const value = encodeRecord({ topic: 'clicks', partition: 3, sequence: 120, planned: 'abort', eventS: 3600 }, 120);

  assert.equal(value.length, 120);
  assert.equal(JSON.parse(value.toString()).e, 3600);
  assert.ok(reader.read(value, 0, value.length));
  assert.deepEqual([reader.sequence, reader.planned], [120, 'abort']);
  value[value.indexOf('3600')] = 0x34;
  assert.equal(reader.read(value, 0, value.length), false);
});

test('a record with any byte changed, cut off at either end or with something added is not read', () => {
  const reader = new RecordReader();
  fc.assert(
    fc.property(anyRecord, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, where, flip) => {
      const value = encodeRecord(record, 100);
      const at = where % value.length;
      const changed = Buffer.from(value);
      changed[at] = (value[at] as number) ^ flip;

      assert.equal(reader.read(changed, 0, value.length), false);
      if (at > 0) assert.equal(reader.read(value, at, value.length), false);
      assert.equal(reader.read(value, 0, at), false);
      assert.equal(reader.read(Buffer.concat([value, value]), 0, value.length * 2), false);
    }),
  );
});

test('records of many topics are told apart, also where one name starts with another', () => {
  const reader = new RecordReader();

  for (const topic of ['a', 'ab', 'a', 'abc', 'ab', 'b']) {
    const value = encodeRecord({ topic, partition: 0, sequence: 1, planned: 'commit' }, 80);
    assert.ok(reader.read(value, 0, value.length));
    assert.equal(reader.topic, topic);
  }
});
