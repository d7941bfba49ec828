import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPassing, KafkaCode, refusedByBroker } from '../../../connectors/kafka/errors.ts';

const asked = { operation: 'Read', resource: 'topic clicks' };

test('missing permissions are a matter of configuration, and name operation and resource', () => {
  for (const code of [29, 30, 31]) {
    const error = refusedByBroker(code, asked);
    assert.deepEqual([error.kind, error.code], ['config', 'KAFKA_NOT_AUTHORIZED']);
    assert.match(error.message, /operation Read on topic clicks/);
  }
});

test('what goes away by asking again is unavailable, the rest is rejected', () => {
  for (const code of [-1, 3, 5, 6, 7, 14, 15, 16, 56, 74, 75, 78]) {
    assert.ok(isPassing(code));
    assert.equal(refusedByBroker(code, asked).kind, 'unavailable');
  }
  for (const code of [2, 42, 87, 12345]) assert.equal(refusedByBroker(code, asked).kind, 'rejected');
  assert.match(refusedByBroker(KafkaCode.INVALID_REQUEST, asked).message, /42 INVALID_REQUEST/);
});
