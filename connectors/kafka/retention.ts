import type { Finding } from '../../core/spi.ts';
import type { TopicConfigs } from './config-requests.ts';
import { nameOf } from './errors.ts';

/** A night and the day on which somebody looks. */
const RETENTION_MS_MIN = 86_400_000;
export const RETENTION = 'retention.ms';
export const CLEANUP = 'cleanup.policy';

/** Topics that delete records sooner than anybody can mend a pipeline; those that may not be looked at. */
export function judgeRetention(topics: readonly TopicConfigs[]): Finding[] {
  const findings = topics.flatMap((topic) => judgeTopic(topic) ?? []);
  if (findings.length > 0) return findings;
  return [{ level: 'good', what: 'records are kept for a day or longer' }];
}

function judgeTopic({ topic, errorCode, values }: TopicConfigs): Finding | undefined {
  if (errorCode !== 0) {
    return {
      level: 'note',
      what: `how long topic ${topic} keeps records is not known: ${nameOf(errorCode)}`,
      help: `Allow DescribeConfigs on topic ${topic} to have it looked at; a run does not need it.`,
    };
  }
  const ms = Number(values.get(RETENTION) ?? -1);
  const isDeleted = (values.get(CLEANUP) ?? 'delete').split(',').some((policy) => policy.trim() === 'delete');
  if (!isDeleted || ms < 0 || ms >= RETENTION_MS_MIN) return undefined;
  return {
    level: 'warning',
    what: `topic ${topic} deletes records after ${spanOf(ms)}: a pipeline that stands still for longer loses what it has not read`,
    help: `Set ${RETENTION} of the topic to a day or more (86400000), longer than any outage may last.`,
  };
}

function spanOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${ms} ms`;
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
