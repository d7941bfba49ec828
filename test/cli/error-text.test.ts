import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText, redactedError, stackText } from '../../cli/error-text.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';

test('an error is one sentence, what to do, and its code; no stack', () => {
  const error = new SluiceError('dataLoss', 'KAFKA_OFFSET_OUT_OF_RANGE', {
    message: 'it is gone',
    help: 'do this\nor that',
  });

  assert.deepEqual(errorText(error).split('\n'), [
    'it is gone',
    '  do this',
    '  or that',
    '[KAFKA_OFFSET_OUT_OF_RANGE]',
  ]);
});

test('--debug shows the stacks of an error and its causes', () => {
  const error = new SluiceError('unavailable', 'AWAY', { message: 'away', cause: new TypeError('socket closed') });

  const text = errorText(error, { debug: true });

  assert.match(text, /^away\n\[AWAY\]\nSluiceError: away\n +at /);
  assert.match(text, /\ncaused by: TypeError: socket closed\n +at /);
});

test('a bug says so and always shows its stack', () => {
  const text = errorText(toSluiceError(new TypeError('x is not a function')));

  assert.match(text, /^x is not a function\n {2}This is a bug in Sluice.*\n\[UNEXPECTED\]\n/);
  assert.match(text, /TypeError: x is not a function\n +at /);
});

test('an error that causes itself is told once', () => {
  const error = new Error('round');
  error.cause = error;

  assert.equal(stackText(error).match(/Error: round/g)?.length, 1);
});

test('a redacted error says the same without the secret, in its stack and causes too', () => {
  const cause = new Error('no hunter2');
  const error = new SluiceError('rejected', 'NO', { message: 'hunter2 refused', help: 'not hunter2', cause });

  const redacted = redactedError(error, (text) => text.replaceAll('hunter2', '[hidden]'));

  const text = errorText(redacted, { debug: true });
  assert.match(text, /^\[hidden\] refused\n {2}not \[hidden\]\n\[NO\]\nSluiceError.*\n +at /);
  assert.match(text, /caused by: Error: no \[hidden\]/);
  assert.doesNotMatch(text, /hunter2/);
  assert.equal(redacted.kind, 'rejected');
});
