import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { z } from 'zod';
import { DirectoryOf, type DirectoryRecord } from '../../../../connectors/filesink/directories/renderer.ts';
import { parseTemplate } from '../../../../connectors/filesink/directories/template.ts';
import { timeSettings } from '../../../../connectors/filesink/directories/time-settings.ts';
import { encodeDirectoryName } from '../../../../connectors/filesink/directory-name.ts';

const NOW_MS = Date.parse('2026-06-15T10:20:30Z');
const clock = { nowMs: () => NOW_MS };

function directoryOf(template: string, time?: z.input<typeof timeSettings>): DirectoryOf {
  const settings = time === undefined ? undefined : timeSettings.parse(time);
  return new DirectoryOf(parseTemplate(template), { pipeline: 'shop', time: settings, clock });
}

interface RecordFacts {
  topic?: string;
  partition?: number;
  timestampMs?: number;
  key?: string | Buffer | null;
  value?: string | Buffer | null;
  headers?: DirectoryRecord['headers'];
}

/** A record whose value lies among other bytes. */
function record({ key = null, value = null, topic = 'clicks', partition = 3, ...facts }: RecordFacts): DirectoryRecord {
  const bytes = Buffer.concat([Buffer.from('{"k":"'), Buffer.from(value ?? ''), Buffer.from('"}')]);
  const [valueStart, valueEnd] = value === null ? [-1, -1] : [6, bytes.length - 2];
  const keyBytes = typeof key === 'string' ? Buffer.from(key) : key;
  return {
    offset: 17,
    timestampMs: NOW_MS,
    headers: [],
    topic,
    partition,
    key: keyBytes,
    bytes,
    valueStart,
    valueEnd,
    ...facts,
  };
}

const render = (template: string, facts: RecordFacts, time?: z.input<typeof timeSettings>) =>
  directoryOf(template, time).placeFor(record(facts)).directory;

const HOSTILE = [
  ...[
    '..',
    '.',
    '...',
    '/',
    '../..',
    'a/../b',
    '%2e%2e',
    '%2E%2E',
    '%2F',
    '%',
    '\0',
    'a\0b',
    'a\r\nb',
    '\n',
    ' ',
    'a ',
    'a.',
  ],
  ...[
    'a..',
    '_',
    '__proto__',
    'constructor',
    '_SUCCESS',
    '.staging',
    '__default__',
    'default__',
    '%5F_default__',
    'x'.repeat(2048),
  ],
  ...[
    `${'x'.repeat(2047)}y`,
    'é'.repeat(200),
    '12:00',
    'C:\\x',
    '\ufeff',
    '\u202e',
    '-',
    '=',
    '~',
    '*?',
    'a/b',
    'a%2Fb',
    'A',
    'a',
  ],
];
const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.stringMatching(/^[._%A-F0-9/-]{0,6}$/),
  fc.stringMatching(/^(_{0,3}default_{0,3}|[.]{1,3})$/),
);
const bytes = fc.oneof(
  text.map((it) => Buffer.from(it)),
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map((it) => Buffer.from(it)),
);

function assertSafe(path: string, names: number): void {
  assert.equal(posix.join('/out', path), `/out/${path}`);
  assert.ok(path.length <= 340, `${path.length} bytes`);
  assert.equal(path.split('/').length, names);
  for (const name of path.split('/')) {
    assert.match(name, /^[A-Za-z0-9=%-]([A-Za-z0-9._=%-]*[A-Za-z0-9_=%-])?$/);
    assert.ok(name.length <= 255);
  }
}

test('the directory of a topic alone is what it always was', () => {
  const directories = directoryOf('{topic}');
  fc.assert(
    fc.property(fc.oneof(text, fc.constantFrom('clicks', '__consumer_offsets', 'a.', 'Clicks-2.eu')), (topic) => {
      assert.equal(directories.placeFor(record({ topic })).directory, encodeDirectoryName(topic));
    }),
  );
  assert.equal(render('{topic}/p={partition}', { topic: 'a.' }), 'a./p=3');
});

test('placeholders are filled in', () => {
  const facts = { key: 'k1', value: '{"a":{"b":"CH"},"n":5}', headers: [['x', Buffer.from('h')]] as const };

  assert.equal(render('{topic}/{partition}/{pipeline}', facts), 'clicks/3/shop');
  assert.equal(render('{key}/h={header:x}/c={field:a.b}{field:n}', facts), 'k1/h=h/c=CH5');
  assert.equal(render('{topic}/dt={time:yyyy-MM-dd}/hour={time:HH}', facts), 'clicks/dt=2026-06-15/hour=10');
  assert.equal(render('{time:HH:mm}', facts), '10%3A20');
  assert.equal(render('a b:é/{time:yyyy}', facts), 'a%20b%3A%C3%A9/2026');
});

test('no record leaves the root, hides a file, or makes a path that is too long', () => {
  const template = '{topic}/{key}/k={key}.{key}/{header:x}-{key}/{field:f}/x.{field:f}.';
  const directories = directoryOf(template);
  fc.assert(
    fc.property(text, bytes, bytes, fc.option(text), (topic, key, header, field) => {
      fc.pre(topic !== '' && !encodeDirectoryName(topic).endsWith('.'));
      const value = JSON.stringify({ f: field });
      assertSafe(directories.placeFor(record({ topic, key, headers: [['x', header]], value })).directory, 6);
    }),
    { numRuns: 1000 },
  );
});

test('no two values share a directory, and none shares that of no value', () => {
  for (const template of ['{key}', 'k={key}', '{key}.', 'k={key}.x', '{topic}/{key}/{time:yyyy}']) {
    const directories = directoryOf(template);
    fc.assert(
      fc.property(fc.option(bytes, { nil: null }), fc.option(bytes, { nil: null }), (a, b) => {
        const isSame = (a ?? Buffer.alloc(0)).equals(b ?? Buffer.alloc(0));
        const [left, right] = [a, b].map((key) => directories.placeFor(record({ key })).directory);
        assert.equal(left === right, isSame, `${left} and ${right}`);
      }),
      { numRuns: 500 },
    );
    const all = new Set(['', ...HOSTILE].map((key) => directories.placeFor(record({ key })).directory));
    assert.equal(all.size, HOSTILE.length + 1);
  }
});

test('what is missing or empty has a directory that readers see', () => {
  const nothing = [record({}), record({ key: '', value: '{"f":""}', headers: [['x', null]] })];
  const more = ['null', '{"f":null}', '{"f":{}}', '{"f":[1]}', '{"f":1', '"f"', ''].map((value) => record({ value }));

  for (const template of ['{key}', '{header:x}', '{field:f}'])
    for (const one of [...nothing, ...more]) {
      assert.equal(directoryOf(template).placeFor(one).directory, 'default__');
      assert.equal(directoryOf(`a=${template}-`).placeFor(one).directory, 'a=__default__-');
    }
  assert.equal(render('{key}{header:x}', {}), 'default____default__');
  assert.equal(render('{key}', { key: 'default__' }), '%64efault__');
  assert.equal(render('{key}', { key: '__default__' }), '%5F_default__');
  assert.equal(render('k={key}', { key: '__default__' }), 'k=%5F_default__');
});

test('keys that look alike stay apart, also where the case of letters is all that differs', () => {
  assert.equal(render('{key}', { key: 'a/b' }), 'a%2Fb');
  assert.equal(render('{key}', { key: 'a%2Fb' }), 'a%252Fb');
  assert.deepEqual([render('{key}', { key: 'A' }), render('{key}', { key: 'a' })], ['A', 'a']);
  assert.equal(render('{key}', { key: '..' }), '%2E%2E');
  assert.equal(render('{key}', { key: '%2e%2e' }), '%252e%252e');
  assert.equal(render('k={key}', { key: 'a..' }), 'k=a.%2E');
  assert.equal(render('{key}', { key: 'a\0\r\n' }), 'a%00%0D%0A');
  assert.equal(render('{key}', { key: '__proto__' }), '%5F_proto__');
});

test('bytes that are no text, and halves of surrogate pairs, are encoded byte by byte', () => {
  assert.equal(render('{key}', { key: Buffer.from([0xff, 0x61]) }), '%FFa');
  assert.equal(
    render('{field:f}', { value: Buffer.from([...Buffer.from('{"f":"'), 0xfe, ...Buffer.from('"}')]) }),
    '%FE',
  );
  assert.equal(render('{field:f}', { value: '{"f":"\\ud800"}' }), '%ED%A0%80');
  assert.equal(render('{field:f}', { value: '{"f":"\\udfffx"}' }), '%ED%BF%BFx');
  assert.equal(render('{field:f}', { value: '{"f":"\\ud83d\\ude00"}' }), '%F0%9F%98%80');
  assert.equal(render('{field:f}', { value: '{"f":"😀"}' }), '%F0%9F%98%80');
});

test('numbers and booleans of a field are written as the JSON has them, strings however they are spelled', () => {
  for (const number of ['1', '-1.50', '1e3', '9007199254740993', 'true', 'false'])
    assert.equal(render('{field:f}', { value: `{"f":${number}}` }), number);
  assert.equal(render('{field:f}', { value: '{"f":1E+3}' }), '1E%2B3');
  assert.equal(render('{field:f}', { value: '{"f":"\\u0043H"}' }), 'CH');
  assert.equal(render('{field:__proto__}', { value: '{"__proto__":"x"}' }), 'x');
  assert.equal(render('{field:__proto__}', { value: '{}' }), 'default__');
});

test('of headers with one name the last counts', () => {
  const headers = [
    ['x', Buffer.from('1')],
    ['x', Buffer.from('2')],
    ['y', Buffer.from('3')],
  ] as const;

  assert.equal(render('{header:x}', { headers }), '2');
  assert.equal(render('{header:x}', { headers: [...headers, ['x', null]] }), 'default__');
  assert.equal(render('{header:__proto__}', { headers }), 'default__');
});

test('a path that is too long has its longest names cut, each with a hash of all it was', () => {
  const template = '{topic}/{key}/{header:x}/dt={time:yyyy-MM-dd}';
  const facts = (end: string) => ({
    key: 'k'.repeat(200) + end,
    headers: [['x', Buffer.from('h'.repeat(120))]] as const,
  });
  const [a, b] = [render(template, facts('a')), render(template, facts('b'))];

  assert.match(a, /^clicks\/k{7}%-[0-9a-f]{32}\/h{120}\/dt=2026-06-15$/);
  assert.notEqual(a, b);
  const longest = Array(8).fill('{key}').join('/');
  assertSafe(render(longest, { key: '\0'.repeat(2000) }), 8);
});

test('records of one local hour go to one directory', () => {
  const directories = directoryOf('{topic}/dt={time:yyyy-MM-dd}/hour={time:HH}', { timezone: 'Asia/Kolkata' });
  const at = (iso: string) => directories.placeFor(record({ timestampMs: Date.parse(iso) })).directory;

  assert.equal(at('2026-01-31T18:29:59.999Z'), 'clicks/dt=2026-01-31/hour=23');
  assert.equal(at('2026-01-31T18:30:00Z'), 'clicks/dt=2026-02-01/hour=00');
  assert.equal(at('2026-01-31T17:30:00Z'), 'clicks/dt=2026-01-31/hour=23');
});

test('both hours that the clocks show twice have one directory, and the one that they skip has none', () => {
  const directories = directoryOf('{time:yyyy-MM-dd-HH}', { timezone: 'Europe/Zurich' });
  const at = (iso: string) => directories.placeFor(record({ timestampMs: Date.parse(iso) })).directory;

  assert.equal(at('2025-10-26T00:30:00Z'), '2025-10-26-02');
  assert.equal(at('2025-10-26T01:30:00Z'), '2025-10-26-02');
  assert.equal(at('2025-10-26T02:00:00Z'), '2025-10-26-03');
  assert.equal(at('2025-03-30T00:59:59Z'), '2025-03-30-01');
  assert.equal(at('2025-03-30T01:00:00Z'), '2025-03-30-03');
});

test('what was remembered does not change what comes next', () => {
  const template = '{topic}/{key}/{partition}/{field:f}/{time:yyyy-MM-dd-HH-mm}';
  const used = directoryOf(template, { field: 't' });
  const facts = fc.record({
    topic: fc.constantFrom('a', 'b'),
    partition: fc.nat(2),
    key: fc.option(
      fc.nat(25).map((n) => (n < 3 ? '12'.slice(n) : String(n).repeat(100_000))),
      { nil: null },
    ),
    value: fc.constantFrom('{"f":1,"t":1770000000000}', '{"f":"1","t":1770000060000}', '{"t":1}', '{"f":2}'),
  });
  fc.assert(
    fc.property(fc.array(facts, { minLength: 20, maxLength: 30 }), (several) => {
      for (const one of several)
        assert.equal(used.placeFor(record(one)).directory, render(template, one, { field: 't' }));
    }),
    { numRuns: 8 },
  );
});

test('what a directory needs of a record is all that is looked at', () => {
  const untouchable = new Proxy({} as DirectoryRecord, {
    get: (_, name) =>
      name === 'topic' ? 'clicks' : name === 'partition' ? 3 : assert.fail(`${String(name)} was read`),
  });
  const directories = directoryOf('{topic}/{partition}/{pipeline}');

  assert.equal(directories.needs.perBatch, true);
  assert.equal(directories.placeFor(untouchable).directory, 'clicks/3/shop');
  assert.equal(directoryOf('{time:yyyy}').needs.value, false);
  assert.equal(directoryOf('{time:yyyy}', { field: 't' }).needs.value, true);
  assert.equal(directoryOf('{topic}', { field: 't' }).needs.value, false);
});
