import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  assertExact,
  auditOutput,
  encodeRecord,
  faultsOf,
  formatVerdict,
  isExact,
  Ledger,
  type Outcome,
} from '../../../testing/ledger/index.ts';

const seriesName = 'clicks-00112233445566aa-l1s0';
const fileName = (counter: number, epoch = 1) =>
  `${seriesName}-${String(epoch).padStart(12, '0')}-${String(counter).padStart(8, '0')}.ndjson`;

/** A ledger of two partitions: 0..9 committed, 10..12 aborted, 13..19 committed. */
function written(): Ledger {
  const ledger = new Ledger();
  for (const [kind, count, outcome] of [
    ['plain', 10, 'committed'],
    ['transaction', 3, 'aborted'],
    ['transaction', 7, 'committed'],
  ] as const) {
    const delivery = ledger.begin(kind);
    for (const partition of [0, 1]) ledger.take('clicks', partition, count, delivery);
    delivery.outcome = outcome;
  }
  return ledger;
}

const committed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19];

function lines(partition: number, sequences: number[], topic = 'clicks'): string {
  return sequences
    .map((sequence) => {
      const planned = sequence >= 10 && sequence <= 12 ? 'abort' : 'commit';
      return `${encodeRecord({ topic, partition, sequence, planned }, 90)}\n`;
    })
    .join('');
}

function output(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const good = {
  [`clicks/${fileName(1)}`]: lines(0, committed.slice(0, 8)) + lines(1, committed.slice(0, 12)),
  [`clicks/${fileName(2)}`]: lines(1, committed.slice(12)) + lines(0, committed.slice(8)),
  'clicks/.staging/half': lines(0, [1, 2]).slice(0, 40),
  '_sluice/clicks.json': '{}',
};

test('an output that holds every committed record once is exact, whatever lies under names a reader skips', async (t) => {
  const verdict = await auditOutput({ root: output(t, good), ledger: written(), recordsMin: 34 });

  assert.deepEqual(faultsOf(verdict), {});
  assert.equal(verdict.records, 34);
  assert.equal(verdict.expected, 34);
  assert.equal(verdict.files, 2);
  assert.ok(isExact(verdict));
  assertExact(verdict);
});

const planted: [
  fact: string,
  change: (files: Record<string, string>) => Record<string, string>,
  faults: Record<string, number>,
  where: RegExp,
][] = [
  [
    'a lost record is counted and its range named',
    (files) => ({ ...files, [`clicks/${fileName(2)}`]: lines(1, committed.slice(13)) + lines(0, committed.slice(8)) }),
    { lost: 1 },
    /lost: clicks\/1: 1 of 13\.\.19/,
  ],
  [
    'a lost file is counted record by record',
    ({ [`clicks/${fileName(1)}`]: _gone, ...files }) => files,
    { lost: 20 },
    /clicks\/0: 8 of 0\.\.9/,
  ],
  [
    'a record in two files is a duplicate, not a reordering',
    (files) => ({ ...files, [`clicks/${fileName(3)}`]: lines(1, [4, 19]) }),
    { duplicated: 2 },
    /-00000003\.ndjson:1: clicks\/1 4 once more/,
  ],
  [
    'records that changed places within a file are reordered',
    (files) => ({
      ...files,
      [`clicks/${fileName(2)}`]: lines(1, committed.slice(12)) + lines(0, [8, 13, 9, 14, 15, 16, 17, 18, 19]),
    }),
    { reordered: 1 },
    /clicks\/0 9 after 13/,
  ],
  [
    'files whose names put them in the wrong order are reordered',
    (files) => ({
      [`clicks/${fileName(2)}`]: files[`clicks/${fileName(1)}`] ?? '',
      [`clicks/${fileName(1)}`]: files[`clicks/${fileName(2)}`] ?? '',
    }),
    { reordered: 20 },
    /clicks\/0 0 after 19/,
  ],
  [
    'a file that ends within a line is torn, and the record is lost',
    (files) => ({ ...files, [`clicks/${fileName(2)}`]: files[`clicks/${fileName(2)}`]?.slice(0, -20) ?? '' }),
    { torn: 1, lost: 1 },
    /torn: clicks\/.*-00000002\.ndjson:14/,
  ],
  [
    'a last line without its newline is torn',
    (files) => ({ ...files, [`clicks/${fileName(2)}`]: files[`clicks/${fileName(2)}`]?.slice(0, -1) ?? '' }),
    { torn: 1, lost: 1 },
    /torn/,
  ],
  [
    'a byte that changed is torn',
    (files) => ({
      ...files,
      [`clicks/${fileName(1)}`]: (files[`clicks/${fileName(1)}`] ?? '').replace('"s":3', '"s":4'),
    }),
    { torn: 1, lost: 1 },
    /-00000001\.ndjson:4/,
  ],
  [
    'an empty file is torn',
    (files) => ({ ...files, [`clicks/${fileName(3)}`]: '' }),
    { torn: 1 },
    /-00000003\.ndjson: empty/,
  ],
  [
    'records of an aborted transaction are seen',
    (files) => ({ ...files, [`clicks/${fileName(3)}`]: lines(2 - 2, [10]) + lines(1, [12]) }),
    { abortedSeen: 2, reordered: 2 },
    /aborted seen: .*-00000003\.ndjson:1: clicks\/0 10/,
  ],
  [
    'a record nobody wrote is foreign',
    (files) => ({ ...files, [`clicks/${fileName(3)}`]: lines(1, [20]) + lines(5, [0]) + lines(0, [0], 'other') }),
    { foreign: 3 },
    /clicks\/1 20 was never written/,
  ],
];

for (const [fact, change, faults, where] of planted) {
  test(fact, async (t) => {
    const verdict = await auditOutput({ root: output(t, change(good)), ledger: written() });

    assert.deepEqual(faultsOf(verdict), faults);
    assert.match(verdict.findings.join('\n'), where);
    assert.equal(isExact(verdict), false);
    assert.throws(() => assertExact(verdict), /not exact/);
  });
}

test('files of different shards and directories have an order of their own', async (t) => {
  const root = output(t, {
    [`a/${fileName(1)}`]: lines(0, committed.slice(8)),
    [`b/${fileName(1)}`]: lines(0, committed.slice(0, 8)),
    [`b/${fileName(1).replace('s0', 's1')}`]: lines(1, committed.slice(9)),
    [`b/${fileName(1).replace('s0', 's2')}`]: lines(1, committed.slice(0, 9)),
  });

  assertExact(await auditOutput({ root, ledger: written() }));
});

test('a run that moved too little is not exact, and neither is one that wrote nothing', async (t) => {
  assert.deepEqual(faultsOf(await auditOutput({ root: output(t, good), ledger: written(), recordsMin: 40 })), {
    missingToMin: 6,
  });
  assert.deepEqual(faultsOf(await auditOutput({ root: '/does/not/exist', ledger: new Ledger() })), { missingToMin: 1 });
});

test('records whose producer never got an answer may be there or not; a transaction only as a whole', async (t) => {
  const inDoubt = (kind: 'plain' | 'transaction', outcome: Outcome) => {
    const ledger = written();
    const delivery = ledger.begin(kind);
    for (const partition of [0, 1]) ledger.take('clicks', partition, 2, delivery);
    delivery.outcome = outcome;
    return ledger;
  };
  const none = output(t, good);
  const half = output(t, { ...good, [`clicks/${fileName(3)}`]: lines(0, [20, 21]) });
  const whole = output(t, { ...good, [`clicks/${fileName(3)}`]: lines(0, [20, 21]) + lines(1, [20, 21]) });

  for (const root of [none, half, whole]) {
    const verdict = await auditOutput({ root, ledger: inDoubt('plain', 'unknown') });
    assert.deepEqual(faultsOf(verdict), {});
    assert.equal(verdict.unknown, 4);
  }
  for (const [root, faults] of [
    [none, {}],
    [half, { lost: 2 }],
    [whole, {}],
  ] as const) {
    assert.deepEqual(faultsOf(await auditOutput({ root, ledger: inDoubt('transaction', 'unknown') })), faults);
  }
});

test('an output of several topics is one audit', async (t) => {
  const ledger = written();
  const delivery = ledger.begin('plain');
  ledger.take('other', 0, 3, delivery);
  delivery.outcome = 'committed';
  const root = output(t, { ...good, [`other/${fileName(3)}`]: lines(0, [0, 1], 'other') });

  const verdict = await auditOutput({ root, ledger });

  assert.deepEqual(faultsOf(verdict), { lost: 1 });
  assert.match(verdict.findings.join(), /other\/0: 1 of 0\.\.2/);
});

test('lines longer than the read buffer and files of many buffers are read whole', async (t) => {
  const ledger = new Ledger();
  const delivery = ledger.begin('plain');
  ledger.take('big', 0, 6, delivery);
  delivery.outcome = 'committed';
  const content = [90, 3_000_000, 100, 1_048_575, 1_048_576, 80]
    .map((bytes, sequence) => `${encodeRecord({ topic: 'big', partition: 0, sequence, planned: 'commit' }, bytes)}\n`)
    .join('');

  const verdict = await auditOutput({ root: output(t, { 'a.ndjson': content }), ledger });

  assertExact(verdict);
  assert.equal(verdict.bytes, content.length);
});

test('the table is aligned and says what is wrong', async (t) => {
  const { [`clicks/${fileName(1)}`]: _gone, ...files } = good;
  const table = formatVerdict(await auditOutput({ root: output(t, files), ledger: written() }));

  assert.equal(table[0], 'records         14  of 34');
  assert.equal(table[1], 'lost            20  WRONG');
  assert.equal(table[2], 'duplicated       0  ok');
});
