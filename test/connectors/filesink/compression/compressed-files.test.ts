import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Compressor } from '../../../../connectors/filesink/compression/compressor.ts';
import { bytesOf, compressed, HeldCompressor, settled } from './files.ts';

const KiB = 1024;

test('a small part is one member, compressed by one call when it is closed', async () => {
  const compressor = new HeldCompressor();
  const { inner, open } = compressed({ compressor });
  const part = await open();

  for (let n = 0; n < 100; n++) await part.append([bytesOf(1 * KiB)]);
  assert.equal(compressor.calls.length, 0);
  const closing = part.close();
  await settled();
  assert.deepEqual(
    compressor.calls.map(({ bytes }) => bytes),
    [100 * KiB],
  );
  compressor.answerAll();

  assert.equal(await closing, 'part');
  assert.equal(inner.parts[0]?.state, 'closed');
});

test('the memory of an append is free once it settles', async () => {
  const { open, contentOf } = compressed({ chunkBytes: 64 * KiB });
  const part = await open();
  const memory = Buffer.alloc(40 * KiB);
  const expected: Buffer[] = [];

  for (let n = 0; n < 9; n++) {
    bytesOf(memory.length, n).copy(memory);
    expected.push(Buffer.from(memory));
    await part.append([memory.subarray(0, 10), memory.subarray(10)]);
    memory.fill(0);
  }
  await part.close();

  assert.deepEqual(gunzipSync(contentOf()), Buffer.concat(expected));
});

test('members come in order, whichever is ready first', async () => {
  const compressor = new HeldCompressor();
  const { inner, open, contentOf } = compressed({ compressor, chunkBytes: KiB, compressionsMax: 3 });
  const part = await open();
  const input = bytesOf(3 * KiB);

  await part.append([input]);
  await settled();
  const [first, second, third] = compressor.calls;
  third?.answer();
  second?.answer();
  await settled();
  assert.equal(inner.parts[0]?.appended.length, 0);
  first?.answer();
  await part.close();

  assert.deepEqual(contentOf(), input);
});

test('a part that is made durable now and then takes as little memory for what comes next as one that begins', async () => {
  const { files, open } = compressed({ chunkBytes: 64 * KiB });
  const part = await open();
  for (let cut = 0; cut < 3; cut++) {
    await part.append([bytesOf(10)]);
    assert.ok(files.heldBytes < 64 * KiB, `${files.heldBytes} bytes after ${cut} cuts`);
    await part.persist?.();
  }
  await part.close();
});

test('a chunk that cannot be compressed fails the next call, and nothing after it reaches the file', async () => {
  const compressor = new HeldCompressor();
  const { inner, files, open, contentOf } = compressed({ compressor, chunkBytes: KiB });
  const part = await open();
  const input = bytesOf(3 * KiB);

  await part.append([input]);
  await settled();
  const [first, second, third] = compressor.calls;
  second?.answer(new Error('no memory'));
  third?.answer();
  await settled();
  first?.answer();
  await settled();

  await assert.rejects(part.append([input]), { code: 'COMPRESSION_FAILED', kind: 'rejected' });
  await assert.rejects(part.close(), { code: 'COMPRESSION_FAILED' });
  await part[Symbol.asyncDispose]();
  assert.equal(contentOf().length, 0);
  assert.equal(inner.parts[0]?.state, 'disposed');
  assert.equal(part.gatheredBytes, 0);
  assert.ok(files.heldBytes <= 4 * KiB, 'only buffers for the next chunks are left');
});

test('a failure of the file is the one that the next call throws', async () => {
  const { inner, open } = compressed({ chunkBytes: KiB });
  const failures = [new Error('disk full'), new Error('another')];
  inner.gate = () => {
    throw failures.shift();
  };
  const part = await open();

  await part.append([bytesOf(2 * KiB)]);
  await settled();

  await assert.rejects(part.append([bytesOf(1)]), { message: 'disk full' });
  await assert.rejects(part.close(), { message: 'disk full' });
  assert.equal(failures.length, 1, 'the file is asked no more');
});

test('a failure while the rest is on its way fails the close', async () => {
  const { inner, open } = compressed();
  inner.gate = () => Promise.reject(new Error('disk full'));
  const part = await open();
  await part.append([bytesOf(10)]);

  await assert.rejects(part.close(), { message: 'disk full' });
  assert.equal(inner.parts[0]?.state, 'open');
  await part[Symbol.asyncDispose]();
  assert.equal(inner.parts[0]?.state, 'disposed');
});

test('a part that is given up waits for the calls in hand and makes no other', async () => {
  const compressor = new HeldCompressor();
  const { inner, open } = compressed({ compressor, chunkBytes: KiB, compressionsMax: 2 });
  let openGate = () => {};
  inner.gate = () => new Promise((resolve) => (openGate = resolve));
  const part = await open();
  await part.append([bytesOf(4 * KiB + 100)]);
  await settled();
  compressor.calls.shift()?.answer();
  await settled();
  assert.equal(compressor.calls.length, 2);

  let isOver = false;
  const disposing = part[Symbol.asyncDispose]().then(() => {
    isOver = true;
  });
  await settled();
  compressor.answerAll();
  await settled();
  assert.equal(isOver, false, 'the file is still appending');
  openGate();
  await disposing;

  assert.equal(compressor.settledCount, 3, 'the fourth chunk was not begun');
  assert.equal(inner.parts[0]?.appended.length, 1);
  assert.equal(inner.parts[0]?.state, 'disposed');
  assert.equal(part.gatheredBytes, 0);
});

test('one part that fails leaves the others alone', async () => {
  const { inner, open, contentOf } = compressed({ chunkBytes: KiB });
  inner.gate = ({ name }) => {
    if (name === 'bad') throw new Error('disk full');
  };
  const [bad, good] = [await open('bad'), await open('good')];
  const input = bytesOf(5 * KiB);

  await bad.append([input]).catch(() => {}); // it may hear of its failure now, or at its close
  await good.append([input]);
  await good.close();

  await assert.rejects(bad.close(), { message: 'disk full' });
  assert.deepEqual(gunzipSync(contentOf(1)), input);
});

test('a shortage of the files below reaches the writer, and their memory counts', async () => {
  const { inner, files, open } = compressed();
  const asked: number[] = [];
  files.onShortage((bytes) => asked.push(bytes));
  const part = await open();
  inner.gatheredBytes = 1000;

  inner.relieve?.(7);
  await part.append([bytesOf(1)]);

  assert.deepEqual(asked, [7]);
  assert.equal(part.gatheredBytes, 1000 + 16 * KiB);
});

test('whatever comes in whichever pieces and is ready in whichever order, comes out as it was given', async () => {
  const scenario = fc.record({
    chunkBytes: fc.integer({ min: 1, max: 300 }),
    compressionsMax: fc.integer({ min: 1, max: 4 }),
    fillingBytesMax: fc.integer({ min: 1, max: 1000 }),
    inFlightBytesMax: fc.integer({ min: 1, max: 1000 }),
    parts: fc.array(fc.array(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 3 }), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 4,
    }),
  });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), scenario, async (scheduler, { parts: given, ...options }) => {
      const compressor: Compressor = {
        compress: (chunk) => scheduler.schedule(Promise.resolve()).then(() => Buffer.from(chunk)),
      };
      const { inner, files, open } = compressed({ compressor, ...options });
      inner.gate = () => scheduler.schedule(Promise.resolve());
      const inputs = given.map((appends) => appends.map((chunks) => chunks.map((chunk) => Buffer.from(chunk))));
      const expected = inputs.map((appends) => Buffer.concat(appends.flat()));

      const all = Promise.all(
        inputs.map(async (appends, n) => {
          await using part = await open(`${n}`);
          for (const chunks of appends) {
            await part.append(chunks);
            for (const chunk of chunks) chunk.fill(0);
          }
          if ((expected[n] as Buffer).length > 0) await part.close();
        }),
      );
      await scheduler.waitFor(all);

      for (const { name, appended, state } of inner.parts) {
        assert.deepEqual(Buffer.concat(appended), expected[Number(name)]);
        assert.ok(appended.every((chunk) => chunk.length <= options.chunkBytes));
        assert.equal(state, appended.length > 0 ? 'closed' : 'disposed');
      }
      assert.ok(files.heldBytes <= 4 * KiB * KiB);
    }),
    { numRuns: 200 },
  );
});
