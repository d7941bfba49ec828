import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafkaPositions } from '../../../connectors/kafka/positions.ts';
import type { Json, SluiceError } from '../../../core/spi.ts';

test('a position is read back as it was written', () => {
  for (const position of [
    { offset: 0, leaderEpoch: -1 },
    { offset: 2 ** 53 - 1, leaderEpoch: 2 ** 31 - 1 },
  ]) {
    const written = JSON.parse(JSON.stringify(kafkaPositions.encode(position))) as Json;
    assert.deepEqual(kafkaPositions.decode(kafkaPositions.version, written), position);
  }
});

test('a newer version and damaged positions are refused', () => {
  assert.throws(
    () => kafkaPositions.decode(2, { offset: 1, leaderEpoch: 0 }),
    (error: SluiceError) => error.kind === 'config',
  );
  for (const value of [
    null,
    5,
    [],
    {},
    { offset: '1', leaderEpoch: 0 },
    { offset: -1, leaderEpoch: 0 },
    { offset: 1.5, leaderEpoch: 0 },
    { offset: 1 },
  ]) {
    assert.throws(
      () => kafkaPositions.decode(1, value as Json),
      (error: SluiceError) => error.kind === 'dataLoss',
    );
  }
});

test('positions compare by offset, and a rewound one lies before', () => {
  const here = { offset: 10, leaderEpoch: 3 };
  const earlier = kafkaPositions.rewind(here, 4);
  assert.ok(kafkaPositions.compare(earlier, here) < 0);
  assert.equal(kafkaPositions.offsetNext(earlier), 4);
});
