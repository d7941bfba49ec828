const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_BYTES: Record<string, number> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** What a duration looks like, as the source of a regular expression. */
export const DURATION_PATTERN = patternOf(DURATION_MS);
export const SIZE_PATTERN = patternOf(SIZE_BYTES);

/** Milliseconds of `10s`, `1.5h` and the like; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  return parseWithUnit(text, DURATION_MS);
}

/** Bytes of `128MiB`, `1.5GB` and the like; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  return parseWithUnit(text, SIZE_BYTES);
}

function parseWithUnit(text: string, units: Record<string, number>): number | undefined {
  const match = new RegExp(patternOf(units)).exec(text);
  if (match === null) return undefined;
  const value = Math.round(Number(match[1]) * (units[match[2] as string] as number));
  return Number.isSafeInteger(value) ? value : undefined;
}

function patternOf(units: Record<string, number>): string {
  return `^(\\d+(?:\\.\\d+)?) ?(${Object.keys(units).join('|')})$`;
}

/** `90000` is `90s`: the largest unit that divides it, in the form that settings take. */
export function formatDuration(ms: number): string {
  return withUnit(ms, DURATION_MS);
}

/** `1048576` is `1MiB`. */
export function formatSize(bytes: number): string {
  const { B, KiB, MiB, GiB, TiB } = SIZE_BYTES as Record<'B' | 'KiB' | 'MiB' | 'GiB' | 'TiB', number>;
  return withUnit(bytes, { B, KiB, MiB, GiB, TiB });
}

function withUnit(value: number, units: Record<string, number>): string {
  const fitting = Object.entries(units).filter(([, factor]) => value % factor === 0 && value >= factor);
  const [unit, factor] = fitting.at(-1) ?? (Object.entries(units)[0] as [string, number]);
  return `${value / factor}${unit}`;
}
