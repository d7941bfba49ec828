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

/** Milliseconds of `10s`, `1.5h` and the like; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  return parseWithUnit(text, DURATION_MS);
}

/** Bytes of `128MiB`, `1.5GB` and the like; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  return parseWithUnit(text, SIZE_BYTES);
}

function parseWithUnit(text: string, units: Record<string, number>): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text);
  if (match === null || !Object.hasOwn(units, match[2] as string)) return undefined;
  const value = Math.round(Number(match[1]) * (units[match[2] as string] as number));
  return Number.isSafeInteger(value) ? value : undefined;
}
