import { z } from 'zod';
import { nearest } from '../../../core/spi.ts';
import { DAY_MS, daysOf } from '../../formats/civil.ts';
import { parseIsoTime } from './iso-time.ts';
import { type DirectoryTemplate, directoryTemplate, parseFieldPath } from './template.ts';
import { isTimezone } from './timezone.ts';

/** Local time has to have a year of four digits. */
const EARLIEST_MS = daysOf(1, 1, 2) * DAY_MS;

const moment = () =>
  z.string().transform((text, context) => {
    const bytes = Buffer.from(text, 'utf8');
    const ms = parseIsoTime(bytes, 0, bytes.length);
    if (Number.isNaN(ms) || ms < EARLIEST_MS)
      context.addIssue({
        code: 'custom',
        message: 'expected a date or a time such as 2026-01-31 or 2026-01-31T12:00:00Z',
      });
    return ms;
  });

const fieldPath = () =>
  z.string().transform((text, context) => {
    const path = parseFieldPath(text);
    if (path === undefined || !text.isWellFormed())
      context.addIssue({ code: 'custom', message: 'expected names joined by dots, for example ts or event.time' });
    return path ?? [];
  });

const timezone = () =>
  z.string().superRefine((name, context) => {
    if (isTimezone(name)) return;
    const meant = nearest(name, Intl.supportedValuesOf('timeZone'));
    const hint = meant === undefined ? 'such as Europe/Zurich' : `; did you mean ${meant}?`;
    context.addIssue({
      code: 'custom',
      message: `expected a time zone${meant === undefined ? ' ' : ''}${hint}`,
    });
  });

/** `time: { field: ts, unit: ms, timezone: UTC }`: what `{time:...}` in a directory means. */
export const timeSettings = z
  .strictObject({
    field: fieldPath()
      .optional()
      .describe(
        'Where the time stands in the JSON value, for example event.time. Left out: the timestamp of the record.',
      ),
    unit: z
      .enum(['ms', 's', 'us', 'iso'])
      .prefault('ms')
      .describe(
        'What a number in the field counts, since 1970. Text is read as ISO 8601, UTC unless it says otherwise, or as such a ' +
          'number; with `iso`, numbers are no times.',
      ),
    timezone: timezone()
      .prefault('UTC')
      .describe('Whose date and hour directories are named after: a name of the IANA database such as Europe/Zurich.'),
    missing: z
      .enum(['default', 'fail'])
      .prefault('default')
      .describe('What to do with records without a time: the directory `__default__`, or stop, naming the record.'),
    notBefore: moment().prefault('1990-01-01').describe('Earlier times go to the directory `__default__`.'),
    notAfter: moment()
      .optional()
      .describe('Later times go to the directory `__default__`. Left out: a year from now, at any time.'),
  })
  .superRefine(({ notBefore, notAfter }, context) => {
    if (notAfter !== undefined && notAfter <= notBefore)
      context.addIssue({ code: 'custom', path: ['notAfter'], message: 'expected a time after notBefore' });
  });

export type TimeSettings = z.output<typeof timeSettings>;

/** The keys of a sink that sorts records into directories. Refine the whole object with `checkDirectorySettings`. */
export const directorySettings = {
  directory: directoryTemplate()
    .prefault('{topic}')
    .describe(
      'Which directory a record goes to: names joined by slashes, with {topic}, {partition}, {pipeline}, {key}, ' +
        '{header:name}, {field:a.b} and {time:yyyy-MM-dd} filled in.',
    ),
  time: timeSettings
    .optional()
    .describe('What {time:...} in a directory means. Left out: the timestamp of the record, UTC.'),
};

/** For `superRefine`: what no single key can say. */
export function checkDirectorySettings(
  { directory, time }: { readonly directory: DirectoryTemplate; readonly time?: TimeSettings | undefined },
  context: z.RefinementCtx,
): void {
  if (time === undefined || directory.needs.time) return;
  context.addIssue({ code: 'custom', path: ['time'], message: 'directory has no {time:...} that this could be for' });
}
