import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from '../../../core/contract/batch.ts';
import { frameOf, type TestFrame } from '../../../testing/frames.ts';
import { rejected } from '../formats/record.ts';
import {
  anyBatch,
  anyLimits,
  CLICK,
  click,
  decoding,
  nextFrame,
  type Seen,
  specsOf,
  takenAsLines,
  takenByRecords,
  valuesOf,
  word,
} from './support/decoding.ts';
import type { Script } from './support/registry-env.ts';
import { prefixed } from './support/values.ts';

const { signal } = new AbortController();

test('decoded frames hold each record once, with its JSON, key, time, offset, headers and positions', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyBatch, { maxLength: 6 }), anyLimits, async (batches, limits) => {
      const specs = specsOf(batches);
      const [frame, same] = [frameOf(specs), frameOf(specs)];
      const { reader, held } = decoding([frame], { limits });
      const pieces: Frame[] = [];
      const seen: Seen[] = [];

      for (let before = 0; ; ) {
        const polled = await reader.poll({ signal });
        if (typeof polled === 'string') break;
        // Right away, and once more when all the others were made.
        seen.push(...takenByRecords(polled));
        for (let taken = 0; taken <= polled.count; taken++) {
          const expected = same.positionsAfter(before + taken);
          assert.deepEqual(polled.positionsAfter(taken), expected, `after ${before + taken} records`);
        }
        before += polled.count;
        pieces.push(polled);
      }
      const seenAgain = pieces.flatMap(takenByRecords);
      for (const piece of pieces) piece.release();

      const expected = specs.flatMap(({ split, offset = 0, records }) =>
        records.map(({ value, key, timestampMs, headers }, index): Seen => {
          return { split, offset: offset + index, timestampMs, key, value: value.json, headers };
        }),
      );
      assert.deepEqual(seen, expected);
      assert.deepEqual(seenAgain, expected);
      assert.deepEqual([frame.isRecycled, held.bytes], [true, 0]);
    }),
  );
});

test('the raw lane packs decoded values to lines, however many it takes at a time', async () => {
  const anyTaking = fc.record({
    bytesMax: fc.integer({ min: 1, max: 200 }),
    recordsMax: fc.integer({ min: 1, max: 9 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyBatch, { maxLength: 6 }), anyLimits, anyTaking, async (batches, limits, taking) => {
      const specs = specsOf(batches);
      const { reader } = decoding([frameOf(specs)], { limits });
      const lines: string[] = [];

      for (;;) {
        const polled = await reader.poll({ signal });
        if (typeof polled === 'string') break;
        lines.push(...takenAsLines(polled, taking));
        polled.release();
      }

      const expected = specs.flatMap(({ records }) => records.map(({ value }) => value.json ?? 'null'));
      assert.deepEqual(lines, expected);
    }),
  );
});

test('a poll that is called off while a schema is fetched neither loses nor repeats a record', async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<undefined>();
  const frame = frameOf([{ split: 'clicks/0', values: [click(1), word('two'), click(3)] }]);
  const script: Script = (path) => (path.endsWith('/2') ? (held as Promise<never>) : undefined);
  const { reader } = decoding([frame], { script });
  assert.deepEqual(valuesOf(await nextFrame(reader)), ['{"n":1,"text":null}']);

  for (let time = 0; time < 3; time++) {
    const calledOff = new AbortController();
    const polled = reader.poll({ signal: calledOff.signal });
    calledOff.abort(new Error('called off'));
    await assert.rejects(polled, /called off/);
  }
  letGo(undefined);

  assert.deepEqual(valuesOf(await nextFrame(reader)), ['"two"', '{"n":3,"text":null}']);
  assert.equal(await reader.poll({ signal }), 'end');
  assert.ok(frame.isRecycled);
});

test('a frame in hand is released when the reader is disposed, and pieces that are held keep theirs', async () => {
  const frame = frameOf([{ split: 'clicks/0', values: [click(1), word('two')] }]);
  const { reader, inner, held } = decoding([frame], { limits: { bytes: 512, records: 1 } });
  const piece = await nextFrame(reader);

  await reader[Symbol.asyncDispose]();

  assert.deepEqual([inner.isDisposed, frame.isRecycled], [true, false]);
  assert.deepEqual(valuesOf(piece), ['{"n":1,"text":null}']);
  assert.deepEqual([frame.isRecycled, held.bytes], [true, 0]);
});

test('a schema that no registry has is rejected behind what came before, and read as soon as there is one', async () => {
  const values = [click(1), word('two')];
  const frame = frameOf([{ split: 'clicks/0', offset: 40, values }]);
  const { reader, model } = decoding([frame], { schemas: [CLICK] });
  const first = await nextFrame(reader);
  assert.deepEqual(first.positionsAfter(first.count), [{ split: 'clicks/0', position: { offset: 41 } }]);
  assert.deepEqual(valuesOf(first), ['{"n":1,"text":null}']);

  const unknown = rejected('REGISTRY_UNKNOWN', /^clicks\/0: the record at offset 41 names a schema that cannot be had/);
  await assert.rejects(reader.poll({ signal }), unknown);
  await assert.rejects(reader.poll({ signal }), unknown);
  model.register({ subject: 'late', schema: '"string"' });

  assert.deepEqual(valuesOf(await nextFrame(reader)), ['"two"']);
});

test('while a registry is away a poll fails as unavailable, and the next one goes on at the same record', async () => {
  let isAway = true;
  const frame = frameOf([{ split: 'clicks/0', offset: 40, values: [click(1), click(2)] }]);
  const script: Script = () => (isAway ? { status: 503, text: '' } : undefined);
  const { reader, virtual } = decoding([frame], { script });

  await assert.rejects(virtual.run(reader.poll({ signal })), { kind: 'unavailable', code: 'REGISTRY_UNAVAILABLE' });
  isAway = false;

  const piece = await nextFrame(reader);
  assert.deepEqual(piece.positionsAfter(0), [{ split: 'clicks/0', position: { offset: 40 } }]);
  assert.equal(valuesOf(piece).length, 2);
});

test('a value that is not of its schema is rejected behind what came before, naming its place, however often', async () => {
  const bad = prefixed(1, Uint8Array.of(2, 9));
  const frame = frameOf([{ split: 'clicks/7', offset: 5, values: [click(1), null, bad, click(4)] }]);
  const { reader, held } = decoding([frame]);
  assert.deepEqual(valuesOf(await nextFrame(reader)), ['{"n":1,"text":null}', null]);

  for (let time = 0; time < 2; time++)
    await assert.rejects(reader.poll({ signal }), rejected('VALUE_NOT_AVRO', /^clicks\/7: the record at offset 7 /));

  await reader[Symbol.asyncDispose]();
  assert.deepEqual([frame.isRecycled, held.bytes], [true, 0]);
});

test('a record that is larger than a piece is one of its own, and counted', async () => {
  const large = 'ä'.repeat(10_000);
  const values = [word('a'), word(large), word('b'), word('c')];
  const { reader, held } = decoding(
    [frameOf([{ split: 'clicks/0', values, keys: ['k', null, 'k'.repeat(40), null] }])],
    {
      limits: { bytes: 64, records: 100 },
    },
  );
  const pieces = [await nextFrame(reader), await nextFrame(reader), await nextFrame(reader)];

  assert.ok(held.bytes > 20_000, `${held.bytes} bytes are counted`);
  assert.deepEqual(pieces.map(valuesOf), [['"a"'], [JSON.stringify(large)], ['"b"', '"c"']]);
  assert.equal(held.bytes, 0);
});

test('a split that is revoked amid its frame comes no more, and its position does not move', async () => {
  const frame: TestFrame = frameOf([
    { split: 'clicks/0', values: [click(1), click(2)] },
    { split: 'clicks/1', values: [click(3)] },
    { split: 'clicks/0', offset: 2, values: [click(4)] },
  ]);
  const { reader, inner } = decoding([frame], { limits: { bytes: 512, records: 1 } });
  assert.deepEqual(valuesOf(await nextFrame(reader)), ['{"n":1,"text":null}']);

  reader.revoke(['clicks/0']);
  const piece = await nextFrame(reader);

  assert.deepEqual(piece.positionsAfter(1), [{ split: 'clicks/1', position: { offset: 1 } }]);
  assert.deepEqual(valuesOf(piece), ['{"n":3,"text":null}']);
  assert.equal(await reader.poll({ signal }), 'end');
  assert.ok(frame.isRecycled);
  assert.deepEqual(inner.told, [['revoke', 'clicks/0']]);
});

test('what is no record passes through: pauses, frames that only move positions, errors, the end', async () => {
  const empty = frameOf([{ split: 'clicks/0', values: [], gap: 3 }]);
  const broken = new Error('broken');
  const { reader, inner } = decoding(['idle', empty, broken]);

  assert.equal(await reader.poll({ signal }), 'idle');
  assert.equal(await reader.poll({ signal }), empty);
  await assert.rejects(reader.poll({ signal }), broken);
  assert.equal(await reader.poll({ signal }), 'end');
  const split = { id: 'clicks/0', group: 'clicks', index: 0, identity: null, position: 1 };
  reader.assign([split]);
  reader.announce([{ split: 'clicks/0', position: 2 }]);
  assert.deepEqual(inner.told, [
    ['assign', split],
    ['announce', { split: 'clicks/0', position: 2 }],
  ]);
});
