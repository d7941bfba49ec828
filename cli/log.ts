import { styleText } from 'node:util';
import type { LogFields, Logger } from '../core/contract/env.ts';
import { stackText } from './error-text.ts';
import type { Screen } from './screen.ts';

export type LogFormat = 'json' | 'pretty';
type Level = keyof Logger;

export interface LogOptions {
  readonly debug: boolean;
  /** Keeps secrets out of every text. */
  readonly redactText: (text: string) => string;
}

/** One JSON object per line on stderr, for machines. Written synchronously: what was logged before a kill is there. */
export async function jsonLog(pipeline: string, { debug, redactText }: LogOptions): Promise<Logger> {
  const { pino } = await import('pino');
  const log = pino(
    {
      level: debug ? 'debug' : 'info',
      base: { pipeline },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return loggerOf((level, message, fields) => log[level](plain(fields, redactText), redactText(message)));
}

const COLOURS = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

/** Lines for people. */
export function prettyLog(screen: Screen, { debug, redactText }: LogOptions): Logger {
  const style = (colour: 'dim' | (typeof COLOURS)[Level], text: string) =>
    styleText(colour, text, { stream: process.stderr });
  return loggerOf((level, message, fields) => {
    if (level === 'debug' && !debug) return;
    const time = style('dim', new Date().toTimeString().slice(0, 8));
    const facts = Object.entries(plain(fields, redactText)).map(([key, value]) => `${key}=${factText(value)}`);
    const tail = facts.length === 0 ? '' : `  ${style('dim', facts.join(' '))}`;
    screen.line(`${time} ${style(COLOURS[level], level.padEnd(5))} ${redactText(message)}${tail}`);
  });
}

function loggerOf(write: (level: Level, message: string, fields: LogFields) => void): Logger {
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}) =>
      write(level, message, fields);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Fields as plain values without secrets; errors with the stacks of all their causes. */
function plain(fields: LogFields, redactText: (text: string) => string): Record<string, unknown> {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return redactText(value);
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Error) return redactText(stackText(value));
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
  };
  return walk(fields) as Record<string, unknown>;
}

function factText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
