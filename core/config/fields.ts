import { z } from 'zod';
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

/** A duration such as `500ms`, `10s`, `5m`, `1h`; parsed to milliseconds. */
export function duration({ minMs = 0, maxMs = Number.MAX_SAFE_INTEGER }: { minMs?: number; maxMs?: number } = {}) {
  return z
    .string()
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms === undefined)
        context.addIssue({ code: 'custom', message: 'expected a duration such as 500ms, 10s, 5m or 1h' });
      else if (ms < minMs || ms > maxMs)
        context.addIssue({ code: 'custom', message: `expected a duration ${bounds(minMs, maxMs, 0, formatDuration)}` });
      return ms ?? 0;
    })
    .meta({ unit: 'duration', pattern: DURATION_PATTERN });
}

/** A size such as `64KiB`, `128MiB`, `1GiB` (or kB, MB, GB); parsed to bytes. */
export function size({
  minBytes = 1,
  maxBytes = Number.MAX_SAFE_INTEGER,
}: {
  minBytes?: number;
  maxBytes?: number;
} = {}) {
  return z
    .string()
    .transform((text, context) => {
      const bytes = parseSize(text);
      if (bytes === undefined)
        context.addIssue({ code: 'custom', message: 'expected a size such as 64KiB, 128MiB or 1GiB' });
      else if (bytes < minBytes || bytes > maxBytes)
        context.addIssue({ code: 'custom', message: `expected a size ${bounds(minBytes, maxBytes, 1, formatSize)}` });
      return bytes ?? 0;
    })
    .meta({ unit: 'size', pattern: SIZE_PATTERN });
}

/** A string that is never printed. Give it as `${env:NAME}` or `${file:path}`. */
export function secret() {
  return z.string().min(1).meta({ secret: true });
}

/** `of at least 10ms`, `from 1KiB to 128MiB`: only the bounds that say something. */
function bounds(min: number, max: number, leastPossible: number, format: (n: number) => string): string {
  if (max === Number.MAX_SAFE_INTEGER) return `of at least ${format(min)}`;
  return min <= leastPossible ? `of at most ${format(max)}` : `from ${format(min)} to ${format(max)}`;
}
