import type { Finding } from '../../core/spi.ts';
import type { LifecycleRule } from './s3-api.ts';

/** A weekend, a holiday and the day on which somebody looks. */
const ABORT_DAYS_MIN = 7;
/** What is kept there cannot be read without asking for it hours before. */
const FROZEN: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** What the rules do to files that are staged below `root` and not committed yet. */
export function judgeStaging(rules: readonly LifecycleRule[], bucket: string, root: string): Finding {
  const aborting = rules.filter((rule) => rule.abortAfterDays !== undefined && meets(rule, root));
  const first = aborting.sort((a, b) => Number(a.abortAfterDays) - Number(b.abortAfterDays))[0];
  if (first === undefined) {
    return {
      level: 'note',
      what: `no lifecycle rule aborts incomplete uploads below s3:${bucket}/${root}`,
      help:
        'What the last run of a pipeline that is never started again has staged stays, and is paid for. ' +
        `Set AbortIncompleteMultipartUpload to ${ABORT_DAYS_MIN} days or more, longer than any outage may last.`,
    };
  }
  const days = daysText(first.abortAfterDays as number);
  const what = `rule ${first.id} aborts uploads that are ${days} old`;
  if ((first.abortAfterDays as number) >= ABORT_DAYS_MIN) return { level: 'good', what };
  return {
    level: 'warning',
    what: `${what}: an outage that lasts longer loses what is staged and not committed`,
    help: `Let the rule wait ${ABORT_DAYS_MIN} days or more, longer than any outage may last.`,
  };
}

/** What the rules do to checkpoints below `root`: nothing may touch them. */
export function judgeCheckpoints(rules: readonly LifecycleRule[], bucket: string, root: string): Finding[] {
  const where = `s3:${bucket}/${root}`;
  const findings = rules
    // Slots carry no tags, so a rule for tagged objects passes them by.
    .filter((rule) => !rule.isForTagged && meets(rule, root))
    .flatMap(({ id, expires, movesTo = [] }): Finding[] => {
      const frozen = movesTo.find((storageClass) => FROZEN.has(storageClass));
      const deeds = [
        ...(expires === undefined ? [] : [`deletes objects ${expires}`]),
        ...(frozen === undefined ? [] : [`moves objects to ${frozen}, where they cannot be read`]),
      ];
      return deeds.map((deed) => ({
        level: 'problem',
        what: `rule ${id} ${deed}, checkpoints below ${where} too: a pipeline that finds them gone repeats or loses records`,
        help: 'Narrow the rule to prefixes without checkpoints, or keep checkpoints in another prefix or bucket.',
      }));
    });
  return findings.length > 0 ? findings : [{ level: 'good', what: `no lifecycle rule touches checkpoints` }];
}

/** Whether a rule applies to anything below `root`. */
function meets({ prefix }: LifecycleRule, root: string): boolean {
  return root.startsWith(prefix) || prefix.startsWith(root);
}

function daysText(days: number): string {
  return days === 1 ? '1 day' : `${days} days`;
}
