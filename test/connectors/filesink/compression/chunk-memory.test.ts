import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Reservation } from '../../../../core/contract/memory.ts';
import { bytesOf, compressed, HeldCompressor, settled } from './files.ts';

const KiB = 1024;

test('at most the given number of chunks is compressed at a time, over all parts', async () => {
  const compressor = new HeldCompressor();
  const { open } = compressed({ compressor, chunkBytes: KiB, compressionsMax: 3 });
  const parts = [await open('a'), await open('b')];

  for (const part of parts) await part.append([bytesOf(4 * KiB)]);
  await settled();
  assert.equal(compressor.calls.length, 3);
  compressor.calls.shift()?.answer();
  await settled();

  assert.equal(compressor.calls.length, 3);
});

test('an append waits while too much is on its way, until enough has landed', async () => {
  const compressor = new HeldCompressor();
  const { inner, files, open, contentOf } = compressed({ compressor, chunkBytes: KiB, inFlightBytesMax: 4 * KiB });
  let openGate = () => {};
  inner.gate = () => new Promise((resolve) => (openGate = resolve));
  const part = await open();
  const input = bytesOf(6 * KiB);
  let isTaken = false;

  const appending = part.append([input]).then(() => {
    isTaken = true;
  });
  for (let n = 0; n < 4; n++) {
    await settled();
    compressor.answerAll();
  }
  await settled();
  assert.equal(isTaken, false, 'compressed chunks that wait for their file count');
  assert.equal(compressor.settledCount, 4);
  assert.ok(files.heldBytes <= (4 + 1 + 4) * KiB, 'on their way, the one that is full, and buffers for the next');

  for (let n = 0; n < 6; n++) {
    openGate();
    await settled();
    compressor.answerAll();
    await settled();
  }
  await appending;
  openGate();
  await part.close();
  assert.deepEqual(contentOf(), input);
});

test('many parts begin with little memory, and it grows with what they hold', async () => {
  let reserved = 0;
  const reservation: Reservation = { bytes: 0, resize: (bytes) => (reserved = bytes), release: () => {} };
  const { files, open } = compressed({ reservation });
  const parts = await Promise.all(Array.from({ length: 1000 }, (_, n) => open(`p${n}`)));

  for (const part of parts) await part.append([bytesOf(100)]);
  assert.equal(files.heldBytes, 1000 * 16 * KiB);
  assert.equal(reserved, files.heldBytes);
  await parts[0]?.append([bytesOf(100 * KiB)]);
  assert.equal(parts[0]?.gatheredBytes, 256 * KiB);

  for (const part of parts) await part.close();
  assert.ok(files.heldBytes <= 4 * KiB * KiB, 'a few buffers stay for the next chunks');
  assert.equal(reserved, files.heldBytes);
});

test('short of memory, the largest chunks are compressed as they are, and their files stay open', async () => {
  const { inner, files, open, contentOf } = compressed({ fillingBytesMax: 512 * KiB });
  const parts = await Promise.all(Array.from({ length: 8 }, (_, n) => open(`p${n}`)));
  const inputs = parts.map((_, n) => bytesOf((n + 1) * 60 * KiB, n));

  for (const [n, part] of parts.entries())
    for (let at = 0; at < (inputs[n] as Buffer).length; at += 10 * KiB)
      await part.append([(inputs[n] as Buffer).subarray(at, at + 10 * KiB)]);
  await settled();

  const gathered = parts.reduce((sum, part) => sum + (part.gatheredBytes ?? 0), 0);
  assert.ok(gathered <= 512 * KiB, `${gathered} bytes`);
  assert.ok(inner.parts.every(({ state }) => state === 'open'));
  assert.ok(inner.parts.some(({ appended }) => appended.length > 0));
  await Promise.all(parts.map((part) => part.close()));
  for (const [n, input] of inputs.entries()) assert.deepEqual(gunzipSync(contentOf(n)), input);
  assert.ok(files.heldBytes <= 4 * KiB * KiB);
});

test('the size of a file counts what is made, and estimates the rest', async () => {
  const { open, contentOf } = compressed({ chunkBytes: 64 * KiB });
  const part = await open();
  const lines = Buffer.from(`${JSON.stringify({ some: 'line', of: 'text' })}\n`.repeat(4_000));

  await part.append([lines.subarray(0, 10 * KiB)]);
  assert.equal(part.bytes, 10 * KiB, 'nothing is known yet');
  await part.append([lines.subarray(10 * KiB)]);
  await settled();
  const estimate = part.bytes ?? 0;
  await part.close();

  assert.equal(part.bytes, contentOf().length);
  assert.ok(Math.abs(estimate / contentOf().length - 1) < 0.5, `${estimate} for ${contentOf().length}`);
  const next = await open();
  await next.append([lines.subarray(0, 10 * KiB)]);
  assert.ok((next.bytes ?? 0) < KiB, 'the next part begins with the ratio of those before');
});
