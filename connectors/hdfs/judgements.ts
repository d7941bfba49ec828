import type { Finding } from '../../core/spi.ts';
import type { ContentSummary } from './webhdfs/answers.ts';
import type { WebHdfs } from './webhdfs/client.ts';

const CLOCK_OFF_MS = 60_000;
const QUOTA_LEFT_MIN = 0.1;

/** What the clock of this machine is worth, by when the cluster says that a file was written. */
export function judgeClock(writtenAtMs: number, { begunMs, endedMs }: { begunMs: number; endedMs: number }): Finding {
  // By their own clocks the two may differ by as much as the write took.
  const aheadMs = writtenAtMs > endedMs ? writtenAtMs - endedMs : Math.min(writtenAtMs - begunMs, 0);
  const offMs = Math.abs(aheadMs);
  if (offMs <= CLOCK_OFF_MS) return { level: 'good', what: 'the clocks of cluster and machine agree' };
  return {
    level: 'warning',
    what: `the clock of this machine is ${Math.round(offMs / 1_000)} s ${aheadMs > 0 ? 'behind' : 'ahead of'} that of the cluster`,
    help: 'Let NTP set it: Kerberos refuses whoever is 5 minutes off, and the ages of staged files are shown wrong.',
  };
}

/** How much more may be written, by the quotas of the path itself. */
export function judgeQuota(summary: ContentSummary, path: string): Finding {
  const { directories, files, storedBytes, quotaNames, quotaBytes } = summary;
  const quotas = [
    { unit: 'names', used: directories + files, quota: quotaNames },
    { unit: 'bytes with replicas', used: storedBytes, quota: quotaBytes },
  ].flatMap(({ unit, used, quota }) => (quota === undefined ? [] : [{ unit, left: Math.max(quota - used, 0), quota }]));
  if (quotas.length === 0) return { level: 'good', what: `no quota on hdfs:${path} itself` };
  const texts = quotas.map(({ unit, left, quota }) => `${left} of ${quota} ${unit} (${percent(left, quota)} %)`);
  const what = `left by the quota on hdfs:${path}: ${texts.join(', ')}`;
  if (quotas.every(({ left, quota }) => left >= quota * QUOTA_LEFT_MIN)) return { level: 'good', what };
  return {
    level: 'warning',
    what,
    help: 'Raise it (hdfs dfsadmin -setQuota, -setSpaceQuota), or free some. A whole block times replication is reserved for each file being written.',
  };
}

/** How careful renames are, by who answers them. */
export function judgeRenames(server: WebHdfs['server']): Finding {
  if (server !== 'httpfs') return { level: 'good', what: 'a file is renamed strictly, as by a NameNode itself' };
  return {
    level: 'note',
    what: 'HttpFS answers: it renames without replacing a file, but does not say why it refuses',
    help: 'Give the URLs of the NameNodes where they and the DataNodes can be reached from here.',
  };
}

function percent(left: number, quota: number): number {
  return quota === 0 ? 0 : Math.floor((100 * left) / quota);
}
