import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml, type YamlText } from '../../../core/config/yaml-text.ts';

function read(text: string): YamlText {
  const result = readYaml(text);
  assert.ok(!('syntax' in result), JSON.stringify(result));
  return result;
}

function syntaxOf(text: string): string[] {
  const result = readYaml(text);
  assert.ok('syntax' in result, 'the text was read');
  return result.syntax.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

test('every value and key knows its place', () => {
  const { positionOf } = read('a:\n  b: [1, two]\n  c: { d: x }\n');

  assert.deepEqual(positionOf(['a', 'b', 1], 'value'), { line: 2, column: 10 });
  assert.deepEqual(positionOf(['a', 'b'], 'key'), { line: 2, column: 3 });
  assert.deepEqual(positionOf(['a', 'c', 'd'], 'value'), { line: 3, column: 11 });
});

test('what does not exist is placed at the nearest thing around it', () => {
  const { positionOf } = read('a:\n  b: 1\nc:\n');

  assert.deepEqual(positionOf(['a', 'x'], 'key'), { line: 1, column: 1 });
  assert.deepEqual(positionOf(['c', 'x'], 'value'), { line: 3, column: 1 });
  assert.deepEqual(positionOf(['z'], 'key'), { line: 1, column: 1 });
});

test('a value without text is placed at its key', () => {
  assert.deepEqual(read('a: 1\nb:\n').positionOf(['b'], 'value'), { line: 2, column: 1 });
});

test('anchors, aliases and merged maps are values, placed where they are written', () => {
  const { value, positionOf } = read('base: &b { x: 1, y: 2 }\na: *b\nc:\n  <<: *b\n  y: 3\n');

  assert.deepEqual(value, { base: { x: 1, y: 2 }, a: { x: 1, y: 2 }, c: { x: 1, y: 3 } });
  assert.deepEqual(positionOf(['a', 'x'], 'value'), { line: 1, column: 15 });
  assert.deepEqual(positionOf(['c', 'x'], 'value'), { line: 1, column: 15 });
  assert.deepEqual(positionOf(['c', 'y'], 'value'), { line: 5, column: 6 });
});

test('numbers as keys are keys', () => {
  const { value, positionOf } = read('offsets: { 0: 10, 1: 20 }\n');

  assert.deepEqual(value, { offsets: { 0: 10, 1: 20 } });
  assert.deepEqual(positionOf(['offsets', '1'], 'value'), { line: 1, column: 22 });
});

test('repeated keys are problems beside a value that can be read', () => {
  const { problems, value } = read('a: 1\nb: 2\na: 3\n');

  assert.deepEqual(problems, [{ line: 3, column: 1, path: '', message: '"a" is given twice in the same map' }]);
  assert.deepEqual(value, { a: 3, b: 2 });
});

test('of a text that is not YAML the first mistake is named, and where it is', () => {
  assert.deepEqual(syntaxOf('a: "x\n'), ['2:1: not valid YAML: Missing closing "quote']);
  assert.deepEqual(syntaxOf('a:\n\t- b\n'), ['2:1: not valid YAML: Tabs are not allowed as indentation']);
  assert.deepEqual(syntaxOf('a: b: c\nd: @\n'), [
    '1:4: not valid YAML: Nested mappings are not allowed in compact mappings',
  ]);
});

test('a reference that YAML takes for a map is told to be quoted', () => {
  assert.deepEqual(syntaxOf('a: [$' + '{env:X}]\n'), [
    `1:6: not valid YAML: inside { } and [ ] a value with $` + `{...} needs quotes: "$` + `{env:NAME}"`,
  ]);
});

test('a second document, unknown tags, unset aliases and lists as keys are refused', () => {
  assert.deepEqual(syntaxOf('a: 1\n---\nb: 2\n'), ['2:1: expected one document, found a second one (---)']);
  assert.deepEqual(syntaxOf('a: !x 1\n'), ['1:4: not valid here: Unresolved tag: !x']);
  assert.deepEqual(syntaxOf('a: *x\n'), ['1:4: *x names no earlier &x']);
  assert.deepEqual(syntaxOf('? [1, 2]\n: 3\n'), ['1:3: expected a plain key, found a list or map as key']);
});

test('an alias bomb is refused before it expands', () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const item = level === 0 ? 'x' : `*a${level - 1}`;
    return `a${level}: &a${level} [${Array(9).fill(item).join(', ')}]`;
  });

  assert.deepEqual(syntaxOf(levels.join('\n')), ['1:1: expands to too much: more than 100 aliases (*name)']);
});

test('an alias that contains itself is refused', () => {
  assert.deepEqual(syntaxOf('a: &a [*a]\n'), ['1:8: *a stands inside &a: it would never end']);
});

test('a file that nests too deep or is too large is refused in one line', () => {
  for (const text of [`a: ${'['.repeat(20_000)}`, 'a'.repeat(2 * 1024 * 1024)]) {
    const [problem, ...others] = syntaxOf(text);
    assert.deepEqual(others, []);
    assert.ok((problem as string).length < 200, problem);
  }
});
