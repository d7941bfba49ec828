import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Gatherer } from '../../../connectors/hdfs/gather.ts';

const KiB = 1024;

test('whatever chunks come, the same bytes go on in few pieces, and buffers are used again', () => {
  const gatherer = new Gatherer();
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 * KiB }), fc.integer({ min: 1, max: 600 * KiB })), {
    minLength: 1,
    maxLength: 30,
  });
  const memory = new Set<ArrayBufferLike>();
  fc.assert(
    fc.property(sizes, (lengths) => {
      const chunks: Buffer[] = lengths.map((length, index) => Buffer.alloc(length, index + 1));
      const pieces: Buffer[] = [];
      for (const piece of gatherer.pieces(chunks)) {
        if (!chunks.includes(piece)) memory.add(piece.buffer);
        pieces.push(Buffer.from(piece));
      }

      assert.ok(Buffer.concat(pieces).equals(Buffer.concat(chunks)), 'the same bytes');
      for (const [index, piece] of pieces.entries()) {
        const next = pieces[index + 1];
        assert.ok(next === undefined || piece.length + next.length > 64 * KiB, 'two small pieces are one');
      }
    }),
    { numRuns: 50 },
  );
  assert.equal(memory.size, 1);
});

test('a buffer that is given up amid its pieces is not used again, since it may still be read from', () => {
  const gatherer = new Gatherer();
  const given = gatherer.pieces([Buffer.alloc(100, 1)]);
  const first = given.next().value as Buffer;
  given.return();

  const [second] = [...gatherer.pieces([Buffer.alloc(100, 2)])];

  assert.notEqual(second?.buffer, first.buffer);
});
