import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTemplate } from '../../../connectors/filesink/directories/template.ts';
import { timeSettings } from '../../../connectors/filesink/directories/time-settings.ts';
import type { WriterTuning } from '../../../connectors/filesink/open-writer.ts';
import type { OutputSettings } from '../../../connectors/filesink/settings.ts';
import { type BatchSpec, frameOf } from '../../../testing/frames.ts';
import { failsWith } from '../../core/support/expect.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { FakeFiles, writerOn } from './support/fake-files.ts';

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
const TIME = timeSettings.parse({ notBefore: '1970-01-01' });
const BY_KEY = { directory: parseTemplate('{topic}/k={key}') };

/** Writes all frames with a cut in the middle, however often the writer is full, and gives what every directory then holds. */
async function written(
  specs: readonly (readonly BatchSpec[])[],
  settings: Partial<OutputSettings>,
  tuning?: WriterTuning,
) {
  const files = new FakeFiles();
  await using writer = await writerOn(files, settings, tuning);
  const handles = [];
  for (const [index, frameSpecs] of specs.entries()) {
    const frame = frameOf(frameSpecs);
    for (let taken = 0; taken < frame.count; ) {
      await writer.ready({ signal: never });
      taken = writer.write(frame, taken);
    }
    frame.release();
    if (index === 1) handles.push(...(await writer.cut({ last: false })).handles);
  }
  handles.push(...(await writer.cut({ last: true })).handles);
  const directories = new Map<string, string>();
  for (const { directory, text } of files.parts) directories.set(directory, (directories.get(directory) ?? '') + text);
  return { files, handles, directories };
}

test('every record goes to the directory of its key, hour or header, in order, and handles say what they hold', async () => {
  const specs: BatchSpec[] = [
    {
      split: 't/0',
      offset: 5,
      values: ['1', '2', '3'],
      keys: ['a', 'b', 'a'],
      timestampsMs: [0, HOUR_MS, 0],
      headers: [[['h', Buffer.from('x')]], [], [['h', Buffer.from('x')]]],
    },
    { split: 't/1', values: ['4'], keys: [null], timestampsMs: [25 * HOUR_MS] },
  ];
  const of = async (directory: string) => await written([specs], { directory: parseTemplate(directory), time: TIME });

  const byKey = await of('{topic}/k={key}');
  assert.deepEqual(
    [...byKey.directories],
    [
      ['t/k=a', '1\n3\n'],
      ['t/k=b', '2\n'],
      ['t/k=__default__', '4\n'],
    ],
  );
  assert.deepEqual(
    byKey.handles.map(({ covers, records, bytes }) => ({ covers, records, bytes })),
    [
      { covers: { 't/0': [5, 8] }, records: 2, bytes: 4 },
      { covers: { 't/0': [6, 7] }, records: 1, bytes: 2 },
      { covers: { 't/1': [0, 1] }, records: 1, bytes: 2 },
    ],
  );
  const byHour = await of('{topic}/{time:yyyyMMdd}/h={time:HH}');
  assert.deepEqual([...byHour.directories.keys()], ['t/19700101/h=00', 't/19700101/h=01', 't/19700102/h=01']);
  const byHeader = await of('{header:h}');
  assert.deepEqual([...byHeader.directories.values()], ['1\n3\n', '2\n4\n']);
});

test('a directory that two topics share holds a file for each of them', async () => {
  const specs: BatchSpec[] = [
    { split: 'a/0', values: ['1'], keys: ['k'] },
    { split: 'b/0', values: ['2'], keys: ['k'] },
  ];
  for (const directory of ['all', 'all/{key}']) {
    const { files } = await written([specs], { directory: parseTemplate(directory) });
    assert.deepEqual(
      files.parts.map(({ text }) => text),
      ['1\n', '2\n'],
    );
  }
});

test('a part of its own for every partition, without a copy', async () => {
  const specs: BatchSpec[] = [
    { split: 'a/0', values: ['1'] },
    { split: 'a/1', values: ['2'] },
    { split: 'a/0', offset: 1, values: ['3'] },
  ];
  const { directories } = await written([specs], { directory: parseTemplate('{topic}/p={partition}') });
  assert.deepEqual(
    [...directories],
    [
      ['a/p=0', '1\n3\n'],
      ['a/p=1', '2\n'],
    ],
  );
});

test('a tombstone or a bare newline stops the writer at that record, in directories, too', async () => {
  const at = (value: string | null) => [[{ split: 't/0', offset: 7, values: ['1', value], keys: ['a', 'a'] }]];

  const nulls = await failsWith(written(at(null), { ...BY_KEY, nulls: 'fail' }), 'rejected', 'NULL_VALUE');
  assert.match(nulls.message, /t\/0.* 8 /);
  const newline = await failsWith(written(at('a\nb'), BY_KEY), 'rejected', 'NDJSON_BARE_NEWLINE');
  assert.match(newline.message, /t\/0.* 8 /);
});

test('records larger than any buffer come through whole', async () => {
  const large = 'x'.repeat(700_000);
  const specs: BatchSpec[] = [{ split: 't/0', values: ['1', `"${large}"`, '2'], keys: ['a', 'a', 'a'] }];
  const { directories } = await written([specs], BY_KEY);
  assert.equal(directories.get('t/k=a'), `1\n"${large}"\n2\n`);
});

test('what gathers in blocks is bounded over all files: blocks end early, files do not', async () => {
  const files = new FakeFiles();
  const virtual = new VirtualEnv();
  const avro = { record: 'Row', codec: 'none' as const, blockBytes: 16 * 1024 * 1024 };
  await using writer = await writerOn(
    files,
    { ...BY_KEY, format: 'avro', columns: ['text'], avro },
    undefined,
    virtual,
  );
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  const values = keys.map(() => JSON.stringify({ text: 'x'.repeat(100_000) }));

  let heldMax = 0;
  for (let offset = 0; offset < 600; offset += keys.length) {
    await virtual.run(writer.ready({ signal: never }));
    const frame = frameOf([{ split: 't/0', offset, values, keys }]);
    assert.equal(writer.write(frame, 0), frame.count);
    frame.release();
    heldMax = Math.max(heldMax, virtual.gauges.get('memoryBytes') ?? 0);
  }
  const { handles } = await virtual.run(writer.cut({ last: false }));

  // A quarter of 64 MiB, and what comes before the next look.
  assert.ok(heldMax > 12_000_000 && heldMax < 24_000_000, `${heldMax} bytes held`);
  assert.equal(handles.length, keys.length);
  assert.equal(files.parts.reduce((sum, { text }) => sum + text.length, 0) > 60_000_000, true);
});

test('what gathers in blocks is bounded over many files, too, none of which holds much', async () => {
  const files = new FakeFiles();
  const virtual = new VirtualEnv();
  const avro = { record: 'Row', codec: 'none' as const, blockBytes: 16 * 1024 * 1024 };
  await using writer = await writerOn(
    files,
    { ...BY_KEY, format: 'avro', columns: ['text'], avro },
    undefined,
    virtual,
  );
  const keys = Array.from({ length: 400 }, (_, index) => `k${index}`);
  const values = keys.map(() => JSON.stringify({ text: 'x'.repeat(10_000) }));

  for (let round = 0; round < 10; round++) {
    const frame = frameOf([{ split: 't/0', offset: round * keys.length, values, keys }]);
    for (let taken = 0; taken < frame.count; ) {
      await virtual.run(writer.ready({ signal: never }));
      taken = writer.write(frame, taken);
    }
    frame.release();
  }
  await virtual.settle();

  const written = files.parts.reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(40_000_000 - written < 24_000_000, `${written} of 40 MB are in files, a quarter of 64 MiB may gather`);
});

test('a directory that was forgotten among many keeps its open file', async () => {
  const keys = ['a', ...Array.from({ length: 3_000 }, (_, index) => `${index}-${'k'.repeat(2_000)}`), 'a'];
  const specs: BatchSpec[] = [{ split: 't/0', values: keys.map((_, index) => String(index)), keys }];

  const { files, directories } = await written([specs], { ...BY_KEY, maxOpenParts: 10_000 });

  assert.equal(directories.get('t/k=a'), `0\n${keys.length - 1}\n`);
  assert.equal(files.parts.length, keys.length - 1);
});

test('what gathers line by line is reserved, and given back when the writer is closed', async () => {
  const virtual = new VirtualEnv();
  const writer = await writerOn(new FakeFiles(), BY_KEY, undefined, virtual);
  const frame = frameOf([{ split: 't/0', values: ['1', '2'], keys: ['a', 'b'] }]);
  writer.write(frame, 0);
  frame.release();

  assert.equal(virtual.gauges.get('memoryBytes'), 2 * 4 * 1024);
  await writer[Symbol.asyncDispose]();
  assert.equal(virtual.gauges.get('memoryBytes'), 0);
});

const spec = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c', null),
      value: fc.option(
        fc.oneof(
          fc.json({ maxDepth: 1 }),
          fc.constant('{\n"a": 1}'),
          fc.string({ minLength: 3000, maxLength: 6000 }).map((text) => JSON.stringify(text)),
        ),
        { freq: 6 },
      ),
    }),
    { maxLength: 12 },
  )
  .chain((records) =>
    fc.record({
      split: fc.constantFrom('t/0', 't/1', 'u/0'),
      values: fc.constant(records.map(({ value }) => value)),
      keys: fc.constant(records.map(({ key }) => key)),
      compressed: fc.boolean(),
    }),
  );

test('directories hold the naive selection, whatever records, frames, nulls, cuts, rolls and limits', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.array(spec, { maxLength: 5 }), { maxLength: 4 }),
    fc.constantFrom('skip' as const, 'write' as const),
    fc.record({
      onCheckpoint: fc.boolean(),
      records: fc.constantFrom(1, 3, 1_000),
      bytes: fc.constantFrom(10, 5_000, 1_000_000),
    }),
    fc.constantFrom(1, 2, 512),
    fc.constantFrom(1, 2, 4096),
    async (frames, nulls, roll, maxOpenParts, inFlightRangesMax) => {
      const next = new Map<string, number>();
      const withOffsets = frames.map((specs) =>
        specs.map((one) => {
          const offset = next.get(one.split) ?? 0;
          next.set(one.split, offset + one.values.length);
          return { ...one, offset };
        }),
      );

      const { directories, handles } = await written(
        withOffsets,
        { ...BY_KEY, nulls, roll, maxOpenParts },
        { rangeBytesMax: 1_000, inFlightRangesMax },
      );

      const naive = new Map<string, string>();
      let records = 0;
      for (const { split, values, keys } of withOffsets.flat()) {
        for (const [index, value] of values.entries()) {
          if (value === null && nulls === 'skip') continue;
          const directory = `${split[0]}/k=${keys[index] ?? '__default__'}`;
          naive.set(directory, `${naive.get(directory) ?? ''}${value?.replaceAll('\n', ' ') ?? 'null'}\n`);
          records++;
        }
      }
      // Fake files keep bytes as Latin-1.
      const asBytes = [...naive].map(([name, text]) => [name, Buffer.from(text).toString('latin1')] as const);
      assert.deepEqual(new Map([...directories].toSorted()), new Map(asBytes.toSorted()));
      assert.equal(
        handles.reduce((sum, handle) => sum + handle.records, 0),
        records,
      );
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
