import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HdfsReason } from '../../../connectors/hdfs/webhdfs/errors.ts';
import { type Failed, planRetry } from '../../../connectors/hdfs/webhdfs/retry.ts';

const failed = (reason: HdfsReason, more: Partial<Failed> = {}): Failed => ({
  ...{ reason, attempt: 1, elapsedMs: 0, isIdempotent: false, nameNodes: 1, random: 0.999999999, ...more },
});

test('answers that say no are not asked for twice, not even of what can be repeated', () => {
  const answers: HdfsReason[] = [
    ...(['notFound', 'exists', 'notRenamed', 'beingCreated', 'notEmpty', 'parentNotDirectory'] as const),
    ...(['denied', 'credentials', 'quota', 'badName', 'refused'] as const),
  ];
  for (const reason of answers)
    assert.deepEqual(planRetry(failed(reason, { isIdempotent: true })), { kind: 'giveUp' }, reason);
});

test('what surely had no effect is repeated, whatever it was; after doubt only what comes to the same', () => {
  for (const reason of ['unreachable', 'standby', 'retriable'] as const)
    assert.equal(planRetry(failed(reason)).kind, 'another', reason);
  for (const reason of ['safeMode', 'noDataNode'] as const)
    assert.equal(planRetry(failed(reason)).kind, 'again', reason);

  assert.equal(planRetry(failed('unknown')).kind, 'giveUp');
  assert.equal(planRetry(failed('unknown', { isIdempotent: true })).kind, 'another');
});

test('pauses come after each round of all NameNodes, grow, stay bounded, and differ between two that fail together', () => {
  const pauses = (nameNodes: number, random = 0.999999999) =>
    Array.from({ length: 20 }, (_, index) => {
      const plan = planRetry(failed('standby', { attempt: index + 1, nameNodes, random }));
      return plan.kind === 'giveUp' ? -1 : Math.round(plan.pauseMs);
    });

  assert.deepEqual(pauses(1).slice(0, 10), [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, -1]);
  assert.deepEqual(pauses(2).slice(0, 8), [0, 100, 0, 200, 0, 400, 0, 800]);
  assert.equal(pauses(2).at(-1), -1);
  assert.notDeepEqual(pauses(1, 0.2), pauses(1, 0.8));
});

test('a minute is the end, however few the attempts', () => {
  assert.equal(planRetry(failed('unreachable', { attempt: 2, elapsedMs: 60_000 })).kind, 'giveUp');
});
