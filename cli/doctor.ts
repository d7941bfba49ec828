import { hostname } from 'node:os';
import { styleText } from 'node:util';
import type { Finding } from '../core/contract/diagnosis.ts';
import { toSluiceError } from '../core/errors.ts';
import { systemEnv } from '../core/runtime/system-env.ts';
import { examine } from './doctor-parts.ts';
import { redactedError } from './error-text.ts';
import { loadPipelineFile } from './load.ts';
import { table } from './table.ts';

type Level = Finding['level'];

const MARKS: Record<Level, { readonly mark: string; readonly colour: 'green' | 'cyan' | 'yellow' | 'red' }> = {
  good: { mark: 'ok', colour: 'green' },
  note: { mark: 'note', colour: 'cyan' },
  warning: { mark: 'warning', colour: 'yellow' },
  problem: { mark: 'problem', colour: 'red' },
};
const MARK_WIDTH = Math.max(...Object.values(MARKS).map(({ mark }) => mark.length));
const INDENT = ' '.repeat(MARK_WIDTH + 4);

/** `sluice doctor`: prints findings as they come. The exit code: 0, or 2 when there is a problem. */
export async function doctor(file: string, print: (line: string) => void): Promise<0 | 2> {
  const { options, redactText } = await loadPipelineFile(file);
  const say = (text: string) => print(redactText(text));
  const counts: Record<Level, number> = { good: 0, note: 0, warning: 0, problem: 0 };
  const calledOff = new AbortController();
  try {
    for (const { title, findings } of examine(options, systemEnv({ host: hostname() }), calledOff.signal)) {
      say(title);
      for await (const finding of findings) {
        counts[finding.level]++;
        say(findingText(finding));
      }
      say('');
    }
  } catch (thrown) {
    throw redactedError(toSluiceError(thrown), redactText);
  } finally {
    calledOff.abort();
  }
  say(summaryText(counts));
  return counts.problem > 0 ? 2 : 0;
}

/** The mark, what was found, and below it what to do. */
export function findingText({ level, what, help, table: rows }: Finding): string {
  const { mark, colour } = MARKS[level];
  const below = [...(help?.split('\n') ?? []), ...(rows === undefined ? [] : table(rows.head, rows.rows).split('\n'))];
  const marked = styleText(colour, mark.padEnd(MARK_WIDTH), { stream: process.stdout });
  return [`  ${marked}  ${what}`, ...below.map((line) => `${INDENT}${line}`)].join('\n');
}

export function summaryText({ note, warning, problem }: Record<Level, number>): string {
  const parts = [counted(problem, 'problem'), counted(warning, 'warning'), counted(note, 'note')];
  const found = parts.filter((part) => part !== undefined);
  return found.length === 0 ? 'all is well' : found.join(', ');
}

function counted(n: number, what: string): string | undefined {
  return n === 0 ? undefined : `${n} ${what}${n === 1 ? '' : 's'}`;
}
