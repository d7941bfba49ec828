import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directoryTemplate, parseTemplate } from '../../../../connectors/filesink/directories/template.ts';

const refusal = (text: string) => {
  const { success, error } = directoryTemplate().safeParse(text);
  assert.equal(success, false, `"${text}" is refused`);
  return error?.issues[0]?.message ?? '';
};

test('a template is names, each made of text and placeholders', () => {
  const { segments, text } = parseTemplate('raw-{topic}/dt={time:yyyy}/{header:a/b}{field:x.y}');

  assert.equal(text, 'raw-{topic}/dt={time:yyyy}/{header:a/b}{field:x.y}');
  assert.deepEqual(segments, [
    [{ kind: 'text', text: 'raw-' }, { kind: 'topic' }],
    [
      { kind: 'text', text: 'dt=' },
      { kind: 'time', pattern: { pieces: [{ unit: 'yyyy' }], bucketMs: 86_400_000 } },
    ],
    [
      { kind: 'header', name: 'a/b' },
      { kind: 'field', path: ['x', 'y'] },
    ],
  ]);
});

test('a template says what it needs of a record', () => {
  const none = { key: false, headers: false, value: false, time: false, partition: false, perBatch: false };

  assert.deepEqual(parseTemplate('{pipeline}/{topic}').needs, { ...none, perBatch: true });
  assert.deepEqual(parseTemplate('{topic}/p={partition}').needs, { ...none, partition: true, perBatch: true });
  assert.deepEqual(parseTemplate('{key}').needs, { ...none, key: true });
  assert.deepEqual(parseTemplate('{header:x}').needs, { ...none, headers: true });
  assert.deepEqual(parseTemplate('{field:a}').needs, { ...none, value: true });
  assert.deepEqual(parseTemplate('{topic}/{time:yyyy}').needs, { ...none, time: true });
});

test('an unknown placeholder is refused with the one that was meant, or all of them', () => {
  assert.equal(refusal('{topik}'), '{topik} is no placeholder; did you mean {topic}?');
  assert.equal(refusal('{headers:x}'), '{headers} is no placeholder; did you mean {header:name}?');
  assert.equal(
    refusal('{wurst}'),
    '{wurst} is no placeholder; expected one of {topic}, {partition}, {pipeline}, {key}, {header:name}, {field:a.b}, ' +
      '{time:yyyy-MM-dd}',
  );
  assert.match(refusal('{constructor}'), /no placeholder/);
});

test('braces come in pairs', () => {
  assert.equal(refusal('{topic}/{key'), 'the brace of "{key" is never closed');
  assert.equal(refusal('{topic/{key}'), 'the brace of "{topic/{key}" is never closed');
  assert.equal(refusal('topic}'), '"topic}" closes a brace that was never opened');
});

test('a placeholder has all it needs and nothing more', () => {
  assert.match(refusal('{header}'), /write \{header:name\}/);
  assert.match(refusal('{header:}'), /write \{header:name\}/);
  assert.match(refusal('{time}'), /write \{time:yyyy-MM-dd\}/);
  assert.match(refusal('{topic:x}'), /write \{topic\}/);
  for (const path of ['.', 'a.', '.a', 'a..b']) assert.match(refusal(`{field:${path}}`), /empty name/);
});

test('every name of the path has something in it, and the path has one end and one root', () => {
  assert.match(refusal('a//b'), /empty/);
  assert.match(refusal('{topic}//{key}'), /empty/);
  assert.match(refusal('/a'), /no slash in front/);
  assert.match(refusal('/'), /no slash in front/);
  assert.match(refusal('a/'), /no slash at the end/);
  assert.match(refusal('{topic}/'), /no slash at the end/);
  assert.match(refusal(''), /expected a path/);
  assert.match(refusal('a\ud800'), /half a surrogate pair/);
});

test('no text of a template leaves the root or hides what is in it', () => {
  for (const name of ['.', '..']) {
    assert.match(refusal(name), /no name of a directory/);
    assert.match(refusal(`{topic}/${name}/x`), /no name of a directory/);
  }
  for (const name of ['_x', '.x', '...', '_{key}', '.{key}', '..{key}']) {
    assert.match(refusal(name), /readers would ignore/);
    assert.match(refusal(`{topic}/${name}`), /readers would ignore/);
  }
  assert.equal(parseTemplate('{key}_{topic}/a.b_c').segments.length, 2);
});

test('a path has at most 8 names', () => {
  assert.equal(parseTemplate(Array(8).fill('{key}').join('/')).segments.length, 8);
  assert.match(refusal(Array(9).fill('{key}').join('/')), /at most 8/);
});

test('what is wrong with a time pattern is said by the template', () => {
  assert.match(refusal('{time:YYYY-MM}'), /"YYYY" is no unit.*use yyyy, MM, dd, HH, mm/);
  assert.match(refusal('{time:yyyy/MM}'), /slash.*\{time:yyyy\}\/\{time:MM\}/);
});
