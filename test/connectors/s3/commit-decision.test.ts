import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CommitDecision,
  type CompleteAnswer,
  decideCommit,
  type Seen,
  sameParts,
} from '../../../connectors/s3/commit-decision.ts';
import type { SentPart } from '../../../connectors/s3/handle.ts';
import { SluiceError } from '../../../core/errors.ts';

const TOKEN = 'ours';
const BYTES = 100;
const cause = (code: string) => new SluiceError('unavailable', code, { message: code });

const ANSWERS = {
  notAsked: { kind: 'notAsked' },
  completed: { kind: 'completed' },
  uploadGone: { kind: 'uploadGone' },
  partsChanged: { kind: 'partsChanged', part: 1 },
  unknown: { kind: 'unknown', cause: cause('COMPLETE_UNKNOWN') },
  refused: { kind: 'refused', cause: cause('COMPLETE_REFUSED') },
} as const satisfies Record<CompleteAnswer['kind'], CompleteAnswer>;

const SEEN = {
  nothing: { kind: 'nothing' },
  ours: { kind: 'object', token: TOKEN, bytes: BYTES },
  foreign: { kind: 'object', token: 'theirs', bytes: BYTES },
  torn: { kind: 'object', token: TOKEN, bytes: BYTES - 1 },
  plain: { kind: 'object', token: undefined, bytes: BYTES },
  unknown: { kind: 'unknown', cause: cause('LOOK_UNKNOWN') },
} as const satisfies Record<string, Seen>;

/** Every combination, one row per answer: what is decided when nothing, ours, foreign, torn, plain is seen, or it is not known. */
const TABLE: Record<keyof typeof ANSWERS, Record<keyof typeof SEEN, string>> = {
  notAsked: {
    nothing: 'complete',
    ours: 'alreadyCommitted',
    foreign: 'occupied',
    torn: 'occupied',
    plain: 'occupied',
    unknown: 'retry LOOK_UNKNOWN',
  },
  completed: {
    nothing: 'missing completedAndTaken',
    ours: 'committed',
    foreign: 'replaced',
    torn: 'replaced',
    plain: 'replaced',
    unknown: 'retry LOOK_UNKNOWN',
  },
  uploadGone: {
    nothing: 'missing uploadGone',
    ours: 'alreadyCommitted',
    foreign: 'replaced',
    torn: 'replaced',
    plain: 'replaced',
    unknown: 'retry LOOK_UNKNOWN',
  },
  partsChanged: {
    nothing: 'missing partsChanged',
    ours: 'alreadyCommitted',
    foreign: 'replaced',
    torn: 'replaced',
    plain: 'replaced',
    unknown: 'retry LOOK_UNKNOWN',
  },
  unknown: {
    nothing: 'retry COMPLETE_UNKNOWN',
    ours: 'committed',
    foreign: 'occupied',
    torn: 'occupied',
    plain: 'occupied',
    unknown: 'retry LOOK_UNKNOWN',
  },
  refused: {
    nothing: 'retry COMPLETE_REFUSED',
    ours: 'alreadyCommitted',
    foreign: 'occupied',
    torn: 'occupied',
    plain: 'occupied',
    unknown: 'retry LOOK_UNKNOWN',
  },
};

function text(decision: CommitDecision): string {
  if (decision.kind === 'retry') return `retry ${decision.cause.code}`;
  return decision.kind === 'missing' ? `missing ${decision.why}` : decision.kind;
}

for (const [answer, row] of Object.entries(TABLE)) {
  for (const [seen, expected] of Object.entries(row)) {
    test(`completing: ${answer}, under the key: ${seen} -> ${expected}`, () => {
      const decision = decideCommit(
        { token: TOKEN, bytes: BYTES },
        ANSWERS[answer as keyof typeof ANSWERS],
        SEEN[seen as keyof typeof SEEN],
      );

      assert.equal(text(decision), expected);
    });
  }
}

test('an object is never ours by its length or by its token alone', () => {
  for (const answer of Object.values(ANSWERS)) {
    for (const seen of [SEEN.foreign, SEEN.torn, SEEN.plain]) {
      const { kind } = decideCommit({ token: TOKEN, bytes: BYTES }, answer, seen);
      assert.ok(kind === 'occupied' || kind === 'replaced', `${answer.kind}: ${kind}`);
    }
  }
});

test('nothing is missing as long as it is not known what became of it', () => {
  const unsure = [
    [ANSWERS.unknown, SEEN.nothing],
    [ANSWERS.refused, SEEN.nothing],
    ...Object.values(ANSWERS).map((answer) => [answer, SEEN.unknown] as const),
  ] as const;
  for (const [answer, seen] of unsure) {
    assert.equal(decideCommit({ token: TOKEN, bytes: BYTES }, answer, seen).kind, 'retry');
  }
});

const sent = [
  { etag: '"a"', bytes: 10, crc32: 'AAAA' },
  { etag: '"b"', bytes: 5, crc32: 'BBBB' },
];
const listed = sent.map(({ etag, bytes, crc32 }, index) => ({ number: index + 1, etag, bytes, crc32 }));

test('parts under other ETags are the same when lengths and checksums are, and are named as listed', () => {
  const renamed = listed.map((part) => ({ ...part, etag: `${part.etag}-again` }));

  const found = sameParts(sent, renamed);

  assert.deepEqual(found, {
    kind: 'same',
    parts: [
      { number: 1, etag: '"a"-again', crc32: 'AAAA' },
      { number: 2, etag: '"b"-again', crc32: 'BBBB' },
    ],
  });
});

test('a part with a number of its own is looked for under it', () => {
  const [first, last] = sent as [SentPart, SentPart];
  const numberedLast = { ...last, number: 9_014 };
  const own = listed.map((part) => (part.number === 2 ? { ...part, number: 9_014 } : part));

  assert.equal(sameParts([first, numberedLast], own).kind, 'same');
  assert.deepEqual(sameParts([first, numberedLast], listed), { kind: 'changed', part: 9_014 });
});

test('without checksums only the ETags tell parts apart', () => {
  const bare = <T extends object>(parts: readonly T[]) => parts.map((part): T => ({ ...part, crc32: undefined }));

  assert.equal(sameParts(bare(sent), bare(listed)).kind, 'same');
  assert.equal(sameParts(sent, bare(listed)).kind, 'same', 'a store that lists no checksums');
  assert.deepEqual(
    sameParts(
      bare(sent),
      bare(listed).map((part) => ({ ...part, etag: 'other' })),
    ),
    { kind: 'changed', part: 1 },
  );
});

test('a part with another length or checksum, or none at all, is a change', () => {
  const changed = (change: object) => listed.map((part) => (part.number === 1 ? { ...part, ...change } : part));

  assert.deepEqual(sameParts(sent, changed({ bytes: 11 })), { kind: 'changed', part: 1 });
  assert.deepEqual(sameParts(sent, changed({ crc32: 'CCCC' })), { kind: 'changed', part: 1 });
  assert.deepEqual(sameParts(sent, listed.slice(0, 1)), { kind: 'changed', part: 2 });
});
