import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress, progressFields, progressLine } from '../../cli/progress.ts';

function progressAt(): { progress: Progress; clock: { ms: number } } {
  const clock = { ms: 0 };
  return { clock, progress: new Progress(() => clock.ms) };
}

test('rates are averages over the last seconds, not over the whole run', () => {
  const { progress, clock } = progressAt();
  progress.snapshot();
  for (clock.ms = 500; clock.ms <= 60_000; clock.ms += 500) {
    progress.add('records', clock.ms <= 30_000 ? 50_000 : 500);
    progress.snapshot();
  }

  const { recordsPerSecond, records } = progress.snapshot();

  assert.equal(records, 60 * 50_000 + 60 * 500);
  assert.ok(Math.abs(recordsPerSecond - 1_000) < 150, String(recordsPerSecond));
});

test('a run is starting until it has an epoch, then running, then stopping', () => {
  const { progress } = progressAt();
  assert.equal(progress.snapshot().state, 'starting');
  progress.set('epoch', 1);
  assert.equal(progress.snapshot().state, 'running');
  progress.stopping();
  assert.equal(progress.snapshot().state, 'stopping');
});

test('the line tells what is known, and leaves out what is not', () => {
  const { progress, clock } = progressAt();
  assert.equal(
    progressLine('clicks', progress.snapshot()),
    'clicks starting | 0 records | 0/s | 0.0 MB/s | no checkpoint yet | 0 files',
  );

  progress.set('epoch', 3);
  progress.add('records', 2_000_000);
  progress.add('bytes', 200_000_000);
  progress.add('files', 1);
  progress.add('restarts', 2);
  progress.set('lag', 1_500);
  progress.set('lastCheckpointAtMs', 1_200);
  clock.ms = 2_000;

  assert.equal(
    progressLine('clicks', progress.snapshot()),
    'clicks running | 2,000,000 records | 1.00 M/s | 100.0 MB/s | lag 1,500 | checkpoint 0.8 s ago | 1 file | 2 restarts',
  );
});

test('machines get whole numbers, and null for what is not known', () => {
  const { progress, clock } = progressAt();
  progress.snapshot();
  progress.add('records', 10);
  clock.ms = 3_000;

  assert.deepEqual(progressFields(progress.snapshot()), {
    state: 'starting',
    records: 10,
    recordsPerSecond: 3,
    bytes: 0,
    bytesPerSecond: 0,
    files: 0,
    checkpoints: 0,
    restarts: 0,
    lag: null,
    lastCheckpointAgeMs: null,
    pendingHandles: 0,
  });
});
