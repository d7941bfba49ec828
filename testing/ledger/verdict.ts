/** What an audit found. Every count but `records`, `expected`, `unknown`, `files` and `bytes` must be 0. */
export interface Verdict {
  /** Different committed records read from the output. */
  records: number;
  /** Committed records that the producer knows of. */
  expected: number;
  lost: number;
  /** Records read once more than they should be. */
  duplicated: number;
  /** Records behind a later one of their partition, within a file or across the files of a shard sorted by name. */
  reordered: number;
  /** Lines that are not whole, or not what was written; empty files. */
  torn: number;
  /** Records of aborted transactions. */
  abortedSeen: number;
  /** Whole records that the ledger never gave out. */
  foreign: number;
  /** Records read while their transaction was still open. */
  early: number;
  /** Files that changed after they had been seen. */
  changed: number;
  /** Files that had been seen and are gone. */
  vanished: number;
  /** Files of an older incarnation that appeared after those of a newer one. */
  zombie: number;
  /** Records missing to the least number that makes a run worth judging. */
  missingToMin: number;
  /** Records whose producer never heard what became of them: seen or not seen is both right. */
  unknown: number;
  files: number;
  bytes: number;
  /** Where it happened, the first few of each kind. */
  findings: readonly string[];
}

const faults = [
  ['lost', 'lost'],
  ['duplicated', 'duplicated'],
  ['reordered', 'reordered'],
  ['torn', 'torn'],
  ['abortedSeen', 'aborted seen'],
  ['foreign', 'foreign'],
  ['early', 'seen too early'],
  ['changed', 'files changed'],
  ['vanished', 'files vanished'],
  ['zombie', 'zombie files'],
  ['missingToMin', 'too few moved'],
] as const;

export function isExact(verdict: Verdict): boolean {
  return faults.every(([key]) => verdict[key] === 0);
}

/** The names and counts of what is wrong, for messages; empty when all is well. */
export function faultsOf(verdict: Verdict): Record<string, number> {
  return Object.fromEntries(faults.filter(([key]) => verdict[key] > 0).map(([key]) => [key, verdict[key]]));
}

/** The verdict as an aligned table, one line per row. */
export function formatVerdict(verdict: Verdict): string[] {
  const rows: [string, number, string][] = [
    [
      'records',
      verdict.records,
      verdict.records + verdict.lost === verdict.expected ? `of ${group(verdict.expected)}` : '',
    ],
    ...faults.map(([key, title]): [string, number, string] => [
      title,
      verdict[key],
      verdict[key] === 0 ? 'ok' : 'WRONG',
    ]),
  ];
  if (verdict.unknown > 0) rows.push(['unknown', verdict.unknown, 'sent, never answered: seen or not is both right']);
  rows.push(['files', verdict.files, `${(verdict.bytes / 1e6).toFixed(1)} MB of lines`]);
  const width = Math.max(...rows.map(([, count]) => group(count).length));
  const titleWidth = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, count, note]) =>
    `${title.padEnd(titleWidth)}  ${group(count).padStart(width)}  ${note}`.trimEnd(),
  );
}

/** Throws with table and findings unless the output is exact: for tests. */
export function assertExact(verdict: Verdict): void {
  if (isExact(verdict)) return;
  throw new Error(['the output is not exact', ...formatVerdict(verdict), ...verdict.findings].join('\n'));
}

function group(count: number): string {
  return count.toLocaleString('en-US');
}
