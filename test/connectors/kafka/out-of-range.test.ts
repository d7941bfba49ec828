import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideOutOfRange } from '../../../connectors/kafka/out-of-range.ts';

const range = { earliest: { offset: 100, leaderEpoch: 1 }, latest: { offset: 200, leaderEpoch: 4 } };

test('an offset inside the range was refused by a broker that is behind: it is asked again, whatever the policy', () => {
  for (const wanted of [100, 150, 200]) {
    for (const policy of ['fail', 'earliest', 'latest'] as const) {
      assert.deepEqual(decideOutOfRange('clicks/0', wanted, range, policy), { kind: 'again' });
    }
  }
});

test('the policy decides about an offset outside', () => {
  for (const wanted of [99, 201]) {
    assert.deepEqual(decideOutOfRange('clicks/0', wanted, range, 'earliest'), {
      kind: 'goOn',
      position: range.earliest,
    });
    assert.deepEqual(decideOutOfRange('clicks/0', wanted, range, 'latest'), { kind: 'goOn', position: range.latest });
    const verdict = decideOutOfRange('clicks/0', wanted, range, 'fail');
    assert.ok(verdict.kind === 'failed');
    assert.equal(verdict.error.kind, 'dataLoss');
    assert.deepEqual(verdict.error.details, { split: 'clicks/0', wanted, earliest: 100, end: 200 });
    for (const fact of ['clicks/0', String(wanted), '100', '200']) assert.ok(verdict.error.message.includes(fact));
  }
});
