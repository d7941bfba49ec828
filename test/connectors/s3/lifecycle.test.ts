import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCheckpoints, judgeStaging } from '../../../connectors/s3/lifecycle.ts';
import type { LifecycleRule } from '../../../connectors/s3/s3-api.ts';

const rule = (facts: Partial<LifecycleRule>): LifecycleRule => ({ id: 'r', prefix: '', isForTagged: false, ...facts });
const staging = (...rules: LifecycleRule[]) => judgeStaging(rules, 'lake', 'raw/clicks/');
const checkpoints = (...rules: LifecycleRule[]) => judgeCheckpoints(rules, 'lake', '_sluice/clicks/');
const levels = (...rules: LifecycleRule[]) => checkpoints(...rules).map(({ level }) => level);

test('without a rule that aborts uploads, orphans of a pipeline that never starts again stay: a note', () => {
  assert.equal(staging().level, 'note');
  assert.equal(staging(rule({ expires: 'after 3 days' })).level, 'note');
  assert.equal(staging(rule({ prefix: 'other/', abortAfterDays: 1 })).level, 'note');
  assert.match(String(staging().help), /AbortIncompleteMultipartUpload to 7 days or more/);
});

test('a rule that aborts uploads sooner than a week is a warning, whichever prefix it is for', () => {
  for (const prefix of ['', 'raw/', 'raw/clicks/', 'raw/clicks/eu']) {
    const { level, what } = staging(rule({ id: 'soon', prefix, abortAfterDays: 6 }));
    assert.equal(level, 'warning', prefix);
    assert.match(
      what,
      /^rule soon aborts uploads that are 6 days old: an outage that lasts longer loses what is staged/,
    );
  }
});

test('a rule that waits a week is fine, and of several the first to abort counts', () => {
  assert.equal(staging(rule({ abortAfterDays: 7 })).level, 'good');
  const several = staging(rule({ abortAfterDays: 30 }), rule({ id: 'soon', prefix: 'raw/', abortAfterDays: 1 }));
  assert.match(several.what, /^rule soon aborts uploads that are 1 day old/);
});

test('a rule that deletes checkpoints is a problem, whether it is for more or for a part of them', () => {
  for (const prefix of ['', '_sl', '_sluice/', '_sluice/clicks/000001/']) {
    assert.deepEqual(levels(rule({ prefix, expires: 'after 30 days' })), ['problem'], prefix);
  }
  const [finding] = checkpoints(rule({ id: 'tidy', expires: 'after 30 days' }));
  assert.match(
    String(finding?.what),
    /^rule tidy deletes objects after 30 days, checkpoints below s3:lake\/_sluice\/clicks\/ too/,
  );
});

test('a rule that moves checkpoints to where they cannot be read is a problem, a cheaper class is none', () => {
  assert.deepEqual(levels(rule({ movesTo: ['STANDARD_IA', 'GLACIER'] })), ['problem']);
  assert.deepEqual(levels(rule({ movesTo: ['DEEP_ARCHIVE'], expires: 'after 1 days' })), ['problem', 'problem']);
  assert.deepEqual(levels(rule({ movesTo: ['STANDARD_IA', 'GLACIER_IR'] })), ['good']);
});

test('rules for other prefixes, for tagged objects and for uploads leave checkpoints alone', () => {
  assert.deepEqual(
    levels(
      rule({ prefix: 'raw/', expires: 'after 1 days' }),
      rule({ prefix: '_sluice/views/', expires: 'after 1 days' }),
      rule({ isForTagged: true, expires: 'after 1 days' }),
      rule({ abortAfterDays: 1 }),
    ),
    ['good'],
  );
});
