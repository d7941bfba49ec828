import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishParts, type OpenPartState } from '../../../connectors/filesink/open-state.ts';
import { SharedMemoryBudget } from '../../../core/runtime/memory-budget.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';

const LIMIT_BYTES = 1_000;

/** Ends six parts that take so many bytes each, and tells how many were under way at a time. */
async function finished({
  bytes,
  inParallel = 4,
  fails = false,
}: {
  bytes: number;
  inParallel?: number;
  fails?: boolean;
}) {
  const { env } = new VirtualEnv();
  const memory = new SharedMemoryBudget(LIMIT_BYTES, env);
  const parts = Array.from({ length: 6 }, (_, i): OpenPartState<number> => ({ place: i, covers: {}, records: 1 }));
  let [now, most] = [0, 0];
  const ending = finishParts(
    parts,
    { handleKind: 'file', inParallel, memoryFor: () => bytes },
    { memory, signal: new AbortController().signal },
    async (place) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      if (fails) throw new Error('no room');
      return { kind: 'staged', payload: place, bytes: 1 };
    },
  );
  const order = await ending.then(
    (all) => all.map((part) => part.kind === 'staged' && part.handle.payload),
    (error: Error) => error.message,
  );
  // All of it is free again: else this would wait.
  (await memory.reserve(LIMIT_BYTES)).release();
  return { most, order };
}

test('open parts are ended a few at a time, fewer where that takes much memory, and their verdicts are in order', async () => {
  const order = [0, 1, 2, 3, 4, 5];
  assert.deepEqual(await finished({ bytes: 0 }), { most: 4, order });
  assert.deepEqual(await finished({ bytes: 400 }), { most: 2, order });
  assert.deepEqual(await finished({ bytes: 5_000 }), { most: 2, order }, 'half of the memory each at most');
  assert.equal((await finished({ bytes: 400, fails: true })).order, 'no room');
});
