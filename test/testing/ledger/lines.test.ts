import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { cutLines } from '../../../testing/ledger/lines.ts';

/** Chunks that share one buffer, as a reader of a file hands them out. */
async function* chunksOf(content: Buffer, sizes: number[]): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(content.length);
  for (let at = 0, i = 0; at < content.length; i++) {
    const bytes = Math.min(sizes[i % sizes.length] as number, content.length - at);
    content.copy(buffer, 0, at, at + bytes);
    yield buffer.subarray(0, bytes);
    buffer.fill(0);
    at += bytes;
  }
}

const anyContent = fc
  .array(fc.constantFrom('a', 'bc', '\n', 'x'.repeat(40)), { maxLength: 60 })
  .map((pieces) => pieces.join(''));

test('lines are the same wherever the chunks were cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyContent,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      async (content, sizes) => {
        const seen: [string, boolean][] = [];

        const { bytes } = await cutLines(chunksOf(Buffer.from(content), sizes), (chunk, start, end, whole) =>
          seen.push([chunk.toString('latin1', start, end), whole]),
        );

        const last = content.lastIndexOf('\n') + 1;
        const whole = last === 0 ? [] : content.slice(0, last - 1).split('\n');
        const rest: [string, boolean][] = last < content.length ? [[content.slice(last), false]] : [];
        assert.deepEqual(seen, [...whole.map((line) => [line, true]), ...rest]);
        assert.equal(bytes, content.length);
      },
    ),
  );
});
