import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Screen, terminalScreen } from '../../cli/screen.ts';

/** A terminal of one line that knows what it shows: finished lines, and the one the cursor is in. */
class FakeTerminal {
  readonly lines: string[] = [];
  columns = 40;
  current = '';
  writes = 0;

  write(text: string): boolean {
    this.writes++;
    for (const piece of text.replaceAll('\x1b[2K', '').split(/([\r\n])/)) {
      if (piece === '\n') {
        this.lines.push(this.current);
        this.current = '';
      } else if (piece === '\r') this.current = '';
      else this.current += piece;
    }
    return true;
  }
}

function terminal(): { fake: FakeTerminal; screen: Screen } {
  const fake = new FakeTerminal();
  return { fake, screen: terminalScreen(fake as unknown as NodeJS.WriteStream) };
}

test('log lines appear above the live line, which stays whole', () => {
  const { fake, screen } = terminal();
  screen.line('first');
  screen.live('10 records');
  screen.line('second');
  screen.live('20 records');

  assert.deepEqual(fake.lines, ['first', 'second']);
  assert.equal(fake.current, '20 records');
});

test('the live line is cut to the terminal: a wrapped one could not be replaced', () => {
  const { fake, screen } = terminal();
  screen.live('x'.repeat(100));

  assert.equal(fake.current, 'x'.repeat(39));
});

test('a live line that did not change is not written again', () => {
  const { fake, screen } = terminal();
  screen.live('same');
  const { writes } = fake;
  screen.live('same');

  assert.equal(fake.writes, writes);
});

test('at the end the last live line stays', () => {
  const { fake, screen } = terminal();
  screen.live('done');
  screen.end();
  screen.line('bye');

  assert.deepEqual(fake.lines, ['done', 'bye']);
});
