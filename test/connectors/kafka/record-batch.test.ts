import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadBatch } from '../../../connectors/kafka/batch.ts';
import { badBatchError } from '../../../connectors/kafka/record-batch.ts';
import { SluiceError } from '../../../core/spi.ts';
import { encodeBatch, seal } from '../../../testing/kafka/batch-encoder.ts';
import { CODECS, type CodecKind } from '../../../testing/kafka/compressors.ts';
import { recordsOf } from '../../../testing/records.ts';
import { allValues, frameOf, onlyBatch, valuesOf } from './support/deliveries.ts';
import { GOLDEN_BATCHES } from './support/golden-batches.ts';

for (const { client, codec, base64 } of GOLDEN_BATCHES) {
  test(`${codec} as written by ${client} is read, value by value`, () => {
    const bytes = Buffer.from(base64, 'base64');
    bytes.writeBigInt64BE(0n, 0); // the base offset is not under the checksum
    const { frame, bad } = frameOf([bytes]);
    const expected = Array.from({ length: 30 }, (_, id) =>
      client === 'java' && id === 7 ? null : `{"id":${id},"text":"na na na na na na batman"}`,
    );
    assert.deepEqual(bad, []);
    assert.deepEqual(allValues(frame), expected);
    if (client !== 'java') return;
    const records = recordsOf(onlyBatch(frame));
    assert.deepEqual(records[5]?.headers, [
      ['h', Buffer.from('1')],
      ['h', null],
    ]);
    assert.deepEqual([records[3]?.key, records[4]?.key?.toString()], [null, 'key-4']);
    assert.deepEqual([records[0]?.timestampMs, records[29]?.timestampMs], [1_700_000_000_000, 1_700_000_029_000]);
  });
}

test('null, empty, tombstone, repeated headers and far timestamps come through as they were written', () => {
  const { frame } = frameOf([
    encodeBatch([
      { key: null, value: null, timestampMs: 1_700_000_000_000 },
      { key: '', value: '', timestampMs: 1 },
      {
        key: 'k',
        value: null,
        headers: [
          ['h', null],
          ['h', '2'],
          ['', ''],
          ['ü', 'x'],
        ],
        timestampMs: 1_700_000_000_000 + 365 * 86_400_000,
      },
    ]),
  ]);
  const records = recordsOf(onlyBatch(frame));
  assert.deepEqual(
    records.map(({ key, value }) => [key?.toString() ?? null, value?.toString() ?? null]),
    [
      [null, null],
      ['', ''],
      ['k', null],
    ],
  );
  assert.deepEqual(
    records.map(({ timestampMs }) => timestampMs),
    [1_700_000_000_000, 1, 1_700_000_000_000 + 365 * 86_400_000],
  );
  assert.deepEqual(
    records[2]?.headers.map(([name, value]) => [name, value?.toString() ?? null]),
    [
      ['h', null],
      ['h', '2'],
      ['', ''],
      ['ü', 'x'],
    ],
  );
});

test('with log append time every record has the time of the batch', () => {
  const { frame } = frameOf([
    encodeBatch(
      [
        { value: 'a', timestampMs: 5 },
        { value: 'b', timestampMs: 9 },
      ],
      { logAppendTimeMs: 77 },
    ),
  ]);
  assert.deepEqual(
    recordsOf(onlyBatch(frame)).map(({ timestampMs }) => timestampMs),
    [77, 77],
  );
});

const bytesOf = (text: string | null) => (text === null ? null : Buffer.from(text));

test('columns hold what was written, of batches that begin before the position and have gaps, too', () => {
  const records = [0, 1, 2, 3, 4, 5].map((index) => ({
    offsetDelta: index * (index > 2 ? 3 : 1),
    key: index === 1 ? null : `k${index}`,
    value: index === 2 ? null : `v${index}`.repeat(index * 100),
    timestampMs: 1_700_000_000_000 + index * 86_400_000,
    headers:
      index === 3
        ? ([
            ['h', 'x'],
            ['h', null],
          ] as [string, string | null][])
        : [],
  }));
  for (const logAppendTimeMs of [undefined, 77]) {
    for (const from of [0, 2, 9]) {
      for (const codec of ['none', 'gzip'] as const) {
        const { frame } = frameOf(
          [encodeBatch(records, { codec, ...(logAppendTimeMs === undefined ? {} : { logAppendTimeMs }) })],
          { from },
        );
        const batch = onlyBatch(frame);

        const expected = records
          .filter(({ offsetDelta }) => offsetDelta >= from)
          .map(({ offsetDelta, key, value, timestampMs, headers }) => ({
            offset: offsetDelta,
            timestampMs: logAppendTimeMs ?? timestampMs,
            key: bytesOf(key),
            value: bytesOf(value),
            headers: headers.map(([name, text]) => [name, bytesOf(text)]),
          }));
        assert.deepEqual(recordsOf(batch), expected);
      }
    }
  }
});

test('in-place values lie in the one buffer of the frame, decompressed ones elsewhere', () => {
  const { frame } = frameOf([
    encodeBatch([{ value: 'a' }]),
    encodeBatch([{ value: 'b' }], { baseOffset: 1 }),
    encodeBatch([{ value: 'c' }], { baseOffset: 2, codec: 'gzip' }),
  ]);
  const into = { start: new Int32Array(1), end: new Int32Array(1) };
  const [first, second, third] = (frame?.batches ?? []).map((batch) => batch.decodeValues(into));
  assert.ok(first?.inPlace && second?.inPlace && first.bytes === second.bytes);
  assert.ok(third?.inPlace === false && third.bytes !== first.bytes);
});

for (const codec of Object.keys(CODECS) as CodecKind[]) {
  test(`${codec}: whatever byte of a batch is damaged, values come out right or not at all`, () => {
    const values = ['alpha', 'beta beta beta beta beta beta', 'gamma', ''];
    const intact = encodeBatch(
      values.map((value) => ({ value, key: 'k', headers: [['h', 'v']] })),
      { codec },
    );
    for (let at = 0; at < intact.length; at++) {
      for (const mask of [1, 0x80, 0xff]) {
        for (const resealed of [false, true]) {
          const damaged = Buffer.from(intact);
          damaged[at] = (damaged[at] as number) ^ mask;
          // With its checksum mended, a batch is what a broken producer may write: anything but a crash or a hang.
          if (resealed) seal(damaged);
          let read: (string | null)[];
          try {
            const { frame, bad } = frameOf([damaged], { decompressedBytesMax: 4096 });
            read =
              bad.length > 0
                ? []
                : (frame?.batches ?? []).flatMap((batch) => {
                    recordsOf(batch);
                    return valuesOf(batch);
                  });
          } catch (error) {
            assert.ok(error instanceof SluiceError && error.kind !== 'bug', `byte ${at}: ${error}`);
            assert.match(error.message, /^clicks\/0: the batch at offset \d+ /);
            continue;
          }
          if (!resealed && at > 16 && read.length > 0) assert.deepEqual(read, values, `byte ${at}`);
        }
      }
    }
  });
}

test('a decompression bomb is stopped at the limit and named', () => {
  const bomb = encodeBatch([{ value: Buffer.alloc(5_000_000) }], { codec: 'zstd' });
  assert.ok(bomb.length < 5_000);
  const { frame } = frameOf([bomb], { decompressedBytesMax: 1 << 20 });
  assert.throws(
    () => valuesOf(onlyBatch(frame)),
    (error: SluiceError) =>
      error.kind === 'rejected' && error.code === 'KAFKA_BATCH_TOO_LARGE' && error.details.offset === 0,
  );
});

test('a header that promises other records than there are is refused', () => {
  for (const statedCount of [2, 4]) {
    const shape = { statedCount, lastOffsetDelta: statedCount - 1 };
    const { frame } = frameOf([encodeBatch([{ value: 'a' }, { value: 'b' }, { value: 'c' }], shape)]);
    assert.throws(() => valuesOf(onlyBatch(frame)), SluiceError, `${statedCount} records stated`);
    assert.throws(() => recordsOf(onlyBatch(frame)), SluiceError, `${statedCount} records stated`);
  }
});

test('offsets that do not rise inside a batch with gaps are refused', () => {
  const batch = encodeBatch(
    [
      { value: 'a', offsetDelta: 3 },
      { value: 'b', offsetDelta: 3 },
    ],
    { lastOffsetDelta: 9 },
  );
  const { frame } = frameOf([batch]);
  assert.throws(
    () => valuesOf(onlyBatch(frame)),
    (error: SluiceError) => error.code === 'KAFKA_CORRUPT_BATCH',
  );
});

test('every kind of broken batch says where, and what to do', () => {
  for (const reason of ['format', 'checksum', 'oldFormat', 'records', 'tooLarge'] as const) {
    const error = badBatchError(new BadBatch(reason, 42, 'because'), 'clicks/3');
    assert.match(error.message, /^clicks\/3: the batch at offset 42 .*because/);
    assert.ok(error.help);
    assert.deepEqual(error.details, { split: 'clicks/3', offset: 42 });
    assert.equal(error.kind, reason === 'oldFormat' ? 'config' : 'rejected');
  }
});
