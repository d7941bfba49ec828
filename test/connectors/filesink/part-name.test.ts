import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPartName, isPartOf, type PartName, parsePartName } from '../../../connectors/filesink/part-name.ts';

const NAME: PartName = {
  pipeline: 'clicks',
  lineage: '0123456789abcdef',
  layout: 1,
  shard: 0,
  epoch: 7,
  counter: 42,
  extension: 'ndjson',
};

const partName = fc.record(
  {
    // Pipelines may look like the rest of a name.
    pipeline: fc.oneof(
      fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/),
      fc.constantFrom('a-0123456789abcdef-l1s0', '1-', 'x-0123456789abcdef-l1s0-000000000001-00000001'),
    ),
    lineage: fc.stringMatching(/^[0-9a-f]{16}$/),
    layout: fc.nat(1_000_000),
    shard: fc.nat(1_000),
    epoch: fc.oneof(fc.nat(), fc.constantFrom(999_999_999_999, 1_000_000_000_000)),
    counter: fc.oneof(fc.nat(), fc.constantFrom(99_999_999, 100_000_000)),
    extension: fc.constantFrom('ndjson', 'raw', 'ndjson.gz', '7z'),
  },
  { noNullPrototype: true },
);

test('a name says whose part it is, which incarnation wrote it and in which order', () => {
  assert.equal(formatPartName(NAME), 'clicks-0123456789abcdef-l1s0-000000000007-00000042.ndjson');
});

test('every name is read back as what it was made from, and fits into 255 bytes', () => {
  fc.assert(
    fc.property(partName, (name) => {
      const text = formatPartName(name);
      assert.deepEqual(parsePartName(text), name);
      assert.ok(text.length <= 255);
    }),
  );
});

test('names of one shard sort in the order of writing', () => {
  const names = [
    [1, 0],
    [1, 1],
    [1, 10],
    [2, 0],
    [10, 0],
  ].map(([epoch = 0, counter = 0]) => formatPartName({ ...NAME, epoch, counter }));

  assert.deepEqual(names.toReversed().toSorted(), names);
});

test('what no part can be called is not taken for one', () => {
  const good = formatPartName(NAME);
  const others = [
    '',
    'part-0.ndjson',
    `.${good}`,
    `_${good}`,
    `${good}~`,
    `${good}/x`,
    good.replace('.ndjson', ''),
    good.replace('-l1s0-', '-l01s0-'),
    good.replace('-000000000007-', '-7-'),
    good.replace('-000000000007-', '-0000000000007-'),
    good.replace('0123456789abcdef', '0123456789ABCDEF'),
    good.replace('-00000042', '-99999999999999999999'),
    good.toUpperCase(),
  ];

  for (const text of others) assert.equal(parsePartName(text), undefined, text);
});

test('a part belongs to an owner only if all four agree', () => {
  const owner = { pipeline: 'clicks', lineage: '0123456789abcdef', layout: 1, shard: 0 };

  assert.ok(isPartOf(owner, NAME));
  for (const other of [{ pipeline: 'click' }, { lineage: '0'.repeat(16) }, { layout: 2 }, { shard: 1 }]) {
    assert.ok(!isPartOf({ ...owner, ...other }, NAME));
  }
});

test('a name that could not be read back is a bug, not a file', () => {
  for (const wrong of [{ pipeline: 'Clicks' }, { lineage: 'abc' }, { epoch: -1 }, { extension: 'nd-json' }]) {
    assert.throws(() => formatPartName({ ...NAME, ...wrong }), { code: 'ASSERTION' });
  }
});
