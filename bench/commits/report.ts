import { median } from '../machine.ts';
import type { Requests } from '../requests.ts';
import { printTable } from '../table.ts';
import type { CommitTimes, Report } from './program.ts';

export interface Restore {
  pending: number;
  /** Beside them, from before. */
  files: number;
  report: Report;
}

export function printCommits(load: string, commits: readonly CommitTimes[], requests: Requests): void {
  console.log(
    `\nfrom the barrier, ms; ${commits.length} files, one per checkpoint of one second, ${load}; output exact\n`,
  );
  printTable(
    ['until the file is', 'p50', 'p99', 'max'],
    (['staged', 'durable', 'visible'] as const).map((step) => {
      const ms = commits.map((times) => times[`${step}Ms`]).sort((a, b) => a - b);
      return [WORDS[step], ...[0.5, 0.99, 1].map((share) => quantile(ms, share).toFixed(1))];
    }),
  );
  console.log('\nrequests in these checkpoints\n');
  printTable(
    ['request', 'in all', 'per checkpoint'],
    Object.entries(requests)
      .sort()
      .map(([kind, count]) => [kind, String(count), (count / commits.length).toFixed(2)]),
  );
}

const WORDS = { staged: 'staged', durable: 'named by a durable slot', visible: 'visible' };

/** The smallest value that at least this share of all reach. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

export function printRestores(restores: readonly Restore[]): void {
  const cases = restores.filter(
    ({ pending, files }, i) => i === restores.findIndex((other) => other.pending === pending && other.files === files),
  );
  const of = ({ pending, files }: Restore) =>
    restores.filter((restore) => restore.pending === pending && restore.files === files);
  const carried = ({ report: { restored } }: Restore) => restored ?? NONE;

  console.log(
    `\na start that finds files to commit; medians of ${restores.length / cases.length} runs, every output exact\n`,
  );
  printTable(
    [
      'pending files',
      'files there',
      'all visible, ms',
      'min..max',
      'per file',
      'settled, ms',
      'CPU ms per file',
      'requests per file',
      'in flight, max',
      'process start to end, ms',
    ],
    cases.map((each) => {
      const { pending, files } = each;
      const runs = of(each);
      const mid = (value: (restore: Restore) => number) => median(runs.map(value));
      const visibleMs = runs.map((restore) => carried(restore).visibleMs - carried(restore).beganMs);
      const perFile = (value: number) => (pending === 0 ? '' : (value / pending).toFixed(2));
      return [
        String(pending),
        String(files),
        median(visibleMs).toFixed(0),
        `${Math.min(...visibleMs).toFixed(0)}..${Math.max(...visibleMs).toFixed(0)}`,
        perFile(median(visibleMs)),
        mid((restore) => carried(restore).settledMs - carried(restore).beganMs).toFixed(0),
        perFile(mid((restore) => carried(restore).cpuMs)),
        perFile(mid((restore) => filesRequests(carried(restore).requests))),
        mid(({ report }) => report.inFlightMax).toFixed(0),
        mid(({ report }) => report.endedMs).toFixed(0),
      ];
    }),
  );
}

const NONE = { beganMs: 0, visibleMs: 0, settledMs: 0, cpuMs: 0, requests: {} };

function filesRequests(requests: Requests): number {
  const ofFiles = Object.entries(requests).filter(([kind]) =>
    /^data (HeadObject|CompleteMultipartUpload|RENAME|GETFILESTATUS)$/.test(kind),
  );
  return ofFiles.reduce((sum, [, count]) => sum + count, 0);
}
