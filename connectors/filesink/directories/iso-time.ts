import { DAY_MS, daysInMonth, daysOf, HOUR_MS, MINUTE_MS } from '../../formats/civil.ts';

const ZERO = 0x30;
const SPACE = 0x20;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const SMALL_T = 0x74;
const SMALL_Z = 0x7a;
/** The bit that makes a letter of ASCII a small one. */
const LOWER_CASE = 0x20;

/**
 * Milliseconds since 1970 of a time as ISO 8601 and RFC 3339 write it: `2026-01-31`, `2026-01-31T12:00`, with seconds and
 * any fraction, with `Z`, `+01:00`, `+0100`, `+01` or nothing, which is UTC too. NaN for everything else.
 * A leap second counts as the second before it.
 */
export function parseIsoTime(bytes: Uint8Array, start: number, end: number): number {
  const year = digits(bytes, start, end, 4);
  const month = digits(bytes, start + 5, end, 2);
  const day = digits(bytes, start + 8, end, 2);
  if (bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS) return Number.NaN;
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return Number.NaN;
  const midnightMs = daysOf(year, month, day) * DAY_MS;
  if (end - start === 10) return midnightMs;

  const hour = digits(bytes, start + 11, end, 2);
  const minute = digits(bytes, start + 14, end, 2);
  const between = bytes[start + 10] as number;
  // `T` as RFC 3339 allows it, and the space of SQL.
  if ((between !== SPACE && (between | LOWER_CASE) !== SMALL_T) || bytes[start + 13] !== COLON) return Number.NaN;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return Number.NaN;
  let at = start + 16;
  let ms = 0;
  if (at < end && bytes[at] === COLON) {
    const second = digits(bytes, at + 1, end, 2);
    if (second < 0 || second > 60) return Number.NaN;
    ms = Math.min(second, 59) * 1000;
    at += 3;
    if (at < end && (bytes[at] === DOT || bytes[at] === COMMA)) {
      const fraction = at + 1;
      at = fraction;
      while (at < end && isDigit(bytes[at] as number)) {
        if (at - fraction < 3) ms += ((bytes[at] as number) - ZERO) * (PLACE_MS[at - fraction] as number);
        at++;
      }
      if (at === fraction) return Number.NaN;
    }
  }
  return midnightMs + hour * HOUR_MS + minute * MINUTE_MS + ms - offsetMs(bytes, at, end);
}

const PLACE_MS = [100, 10, 1];

/** What `Z`, `+01:00` and the like add to UTC; NaN when it is something else. */
function offsetMs(bytes: Uint8Array, at: number, end: number): number {
  if (at === end) return 0;
  const first = bytes[at] as number;
  if ((first | LOWER_CASE) === SMALL_Z) return at + 1 === end ? 0 : Number.NaN;
  if (first !== PLUS && first !== MINUS) return Number.NaN;
  const hours = digits(bytes, at + 1, end, 2);
  const minutesAt = at + 3 < end && bytes[at + 3] === COLON ? at + 4 : at + 3;
  const minutes = at + 3 === end ? 0 : digits(bytes, minutesAt, end, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN;
  if (at + 3 !== end && minutesAt + 2 !== end) return Number.NaN;
  const ms = hours * HOUR_MS + minutes * MINUTE_MS;
  return first === MINUS ? -ms : ms;
}

/** The number that `count` digits make; -1 when they are not digits. */
function digits(bytes: Uint8Array, at: number, end: number, count: number): number {
  if (at + count > end) return -1;
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const byte = bytes[index] as number;
    if (!isDigit(byte)) return -1;
    value = value * 10 + byte - ZERO;
  }
  return value;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}
