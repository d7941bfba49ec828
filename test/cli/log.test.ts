import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { prettyLog } from '../../cli/log.ts';
import { textRedactor } from '../../core/config/redact.ts';

function logged(use: (log: ReturnType<typeof prettyLog>) => void, debug = false): string[] {
  const lines: string[] = [];
  const screen = { line: (text: string) => void lines.push(stripVTControlCharacters(text)), live() {}, end() {} };
  use(prettyLog(screen, { debug, redactText: textRedactor(['hunter2']) }));
  return lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''));
}

test('a line for people has its level, message and facts', () => {
  const lines = logged((log) => {
    log.info('started');
    log.warn('slow', { path: '/a b', seq: 5, split: 'clicks/3' });
  });

  assert.deepEqual(lines, ['info  started', 'warn  slow  path="/a b" seq=5 split=clicks/3']);
});

test('debug lines are for --debug', () => {
  assert.deepEqual(
    logged((log) => log.debug('detail')),
    [],
  );
  assert.deepEqual(
    logged((log) => log.debug('detail'), true),
    ['debug detail'],
  );
});

test('a secret is hidden in messages, in nested facts and in errors with their causes', () => {
  const cause = new Error('login failed: hunter2');
  const lines = logged((log) =>
    log.error('no hunter2', { deep: { list: ['hunter2!'] }, error: new Error('failed', { cause }), count: 10n }),
  );

  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines[0] as string, /hunter2/);
  assert.match(lines[0] as string, /no \[hidden\] .*\[hidden\]!.*caused by: Error: login failed: \[hidden\].*count=10/);
});
