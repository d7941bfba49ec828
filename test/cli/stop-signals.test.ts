import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopSignals } from '../../cli/stop-signals.ts';

test('the first signal asks to stop, the second ends at once, and released signals are not heard', (t) => {
  const heard: string[] = [];
  class Ended extends Error {}
  const stop = stopSignals({
    onFirst: () => heard.push('first'),
    onSecond: () => {
      heard.push('second');
      throw new Ended();
    },
  });
  t.after(stop.release);
  assert.equal(stop.signal.aborted, false);

  process.emit('SIGTERM');
  assert.equal(stop.signal.aborted, true);
  assert.throws(() => process.emit('SIGINT'), Ended);
  assert.deepEqual(heard, ['first', 'second']);

  stop.release();
  process.once('SIGTERM', () => heard.push('somebody else'));
  process.emit('SIGTERM');
  assert.deepEqual(heard, ['first', 'second', 'somebody else']);
});
