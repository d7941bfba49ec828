import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeWire } from '../../../connectors/hdfs/webhdfs/node-wire.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { HdfsModel } from '../../../testing/hdfs/model.ts';
import { serveHdfs } from '../../../testing/hdfs/server.ts';
import { bench } from './support/staging.ts';

/** More than a socket takes at once. */
const BYTES = 1024 * 1024;

/** Buffers that are filled anew for each append, as a writer does that has given them away and has them back. */
async function appendFromOneBuffer(part: { append(chunks: Buffer[]): Promise<void> }, bytes: number, times: number) {
  const buffer = Buffer.alloc(bytes);
  const half = bytes / 2;
  for (let n = 1; n <= times; n++) {
    buffer.fill(n);
    await part.append([buffer.subarray(0, half), buffer.subarray(half)]);
  }
  buffer.fill(0);
}

const expectedBytes = (bytes: number, times: number) =>
  Buffer.concat(Array.from({ length: times }, (_, n) => Buffer.alloc(bytes, n + 1)));

test('the memory of an append is the caller’s again once it has returned', async () => {
  const { open, staged } = bench();
  await using part = await open();

  await appendFromOneBuffer(part, 64, 5);
  await part.close();

  assert.ok(staged()?.bytes.equals(expectedBytes(64, 5)));
});

test('over a socket, the memory of an append is the caller’s again once it has returned', async (t) => {
  const served = await serveHdfs({ modelAt: (places) => new HdfsModel(places) });
  t.after(() => served.close());
  const env = systemEnv();
  const wire = new NodeWire({ timers: env.timers });
  t.after(() => wire[Symbol.asyncDispose]());
  const { open, staged } = bench({ model: served.model, wire, env });
  await using part = await open();

  await appendFromOneBuffer(part, BYTES, 6);
  const { bytes } = await part.close();

  assert.equal(bytes, 6 * BYTES);
  assert.ok(staged()?.bytes.equals(expectedBytes(BYTES, 6)));
});
