import type { FindingTable } from '../../core/spi.ts';

/** S3 Standard, list price of us-east-1 and most regions: PUT, POST and LIST; GET and HEAD. DELETE and abort cost nothing. */
const USD_PER_WRITE = 5 / 1e6;
const USD_PER_READ = 0.4 / 1e6;
const DAY_MS = 86_400_000;
const USUAL_INTERVALS_MS = [1_000, 10_000, 60_000];
const DIRECTORIES = [1, 24];

/** Per checkpoint and shard: a slot for the cut and one for what was settled, each with a list that proves the owner. */
const LOG_WRITES = 4;
/** Per file of one part: begin, send, complete; and a look at the object. Every further part is one write more. */
const FILE_WRITES = 3;
const FILE_READS = 1;

export interface Load {
  /** Directories that have records in every checkpoint: one file each. */
  readonly directories: number;
  readonly intervalMs: number;
}

export interface DailyCost {
  readonly requests: number;
  readonly usd: number;
}

/** What one shard with its checkpoints on S3 sends in a day when every checkpoint has records, with files of one part. */
export function dailyCost({ directories, intervalMs }: Load): DailyCost {
  const checkpoints = DAY_MS / intervalMs;
  const writes = LOG_WRITES + FILE_WRITES * directories;
  const reads = FILE_READS * directories;
  return {
    requests: Math.round(checkpoints * (writes + reads)),
    usd: checkpoints * (writes * USD_PER_WRITE + reads * USD_PER_READ),
  };
}

/** For few and for many directories: this pipeline's interval, and the usual ones beside it. */
export function costTable(intervalMs: number): FindingTable {
  const intervals = [...new Set([intervalMs, ...USUAL_INTERVALS_MS])].sort((a, b) => a - b);
  const rows = DIRECTORIES.flatMap((directories) =>
    intervals.map((each) => {
      const { requests, usd } = dailyCost({ directories, intervalMs: each });
      return [directories, `${each / 1_000} s`, requests.toLocaleString('en-US'), usd.toFixed(2)];
    }),
  );
  return { head: ['directories', 'interval', 'requests per day', 'USD per day'], rows };
}
