import { civilOf, DAY_MS, daysInMonth, daysOf } from './civil.ts';

const ZERO = 48;

/** The days since 1970-01-01 of `2024-02-29`; undefined for anything else. */
export function parseDate(text: string): number | undefined {
  return text.length === yearEnd(text) + 6 ? dateAt(text) : undefined;
}

/**
 * Units since 1970 of an ISO 8601 time with a zone, `2024-02-29T12:00:00.123Z` or `..+02:00`; undefined for anything else.
 * Digits finer than the unit are cut off.
 */
export function parseTimestamp(text: string, unit: 'ms' | 'us'): number | undefined {
  const days = dateAt(text);
  const start = yearEnd(text) + 7;
  const hour = digitsAt(text, start, 2);
  const minute = digitsAt(text, start + 3, 2);
  const between = text[start - 1];
  if (days === undefined || hour < 0 || hour > 23 || minute < 0 || minute > 59) return undefined;
  if ((between !== 'T' && between !== 't' && between !== ' ') || text[start + 2] !== ':') return undefined;
  let second = 0;
  let us = 0;
  let at = start + 5;
  if (text[at] === ':') {
    second = digitsAt(text, at + 1, 2);
    if (second < 0 || second > 59) return undefined;
    at += 3;
    if (text[at] === '.' || text[at] === ',') {
      const fraction = ++at;
      for (let scale = 100_000; isDigit(text, at); at++, scale = Math.floor(scale / 10))
        us += (text.charCodeAt(at) - ZERO) * scale;
      if (at === fraction) return undefined;
    }
  }
  const zoneMinutes = zoneAt(text, at);
  if (zoneMinutes === undefined) return undefined;
  const seconds = days * 86_400 + hour * 3600 + (minute - zoneMinutes) * 60 + second;
  return unit === 'us' ? seconds * 1_000_000 + us : seconds * 1000 + Math.floor(us / 1000);
}

export function formatDate(days: number): string {
  const { year, month, day } = civilOf(days);
  const yyyy = year >= 0 && year <= 9999 ? pad(year, 4) : `${year < 0 ? '-' : '+'}${pad(Math.abs(year), 6)}`;
  return `${yyyy}-${twoDigits(month)}-${twoDigits(day)}`;
}

/** `2024-02-29T12:00:00.123Z`, with six digits for `us`. */
export function formatTimestamp(value: number, unit: 'ms' | 'us'): string {
  const perMs = unit === 'us' ? 1000 : 1;
  const perDay = DAY_MS * perMs;
  const days = Math.floor(value / perDay);
  const inDay = value - days * perDay;
  const ms = Math.floor(inDay / perMs);
  const seconds = Math.floor(ms / 1000);
  const hour = twoDigits(Math.floor(seconds / 3600));
  const minute = twoDigits(Math.floor(seconds / 60) % 60);
  const rest = ms % 1000;
  const fraction = unit === 'us' ? pad(rest * 1000 + (inDay % 1000), 6) : pad(rest, 3);
  return `${lastDate(days)}T${hour}:${minute}:${twoDigits(seconds % 60)}.${fraction}Z`;
}

/** Times in a row are mostly of one day. */
const last = { days: 0, text: formatDate(0) };

function lastDate(days: number): string {
  if (days !== last.days) {
    last.text = formatDate(days);
    last.days = days;
  }
  return last.text;
}

function dateAt(text: string): number | undefined {
  const end = yearEnd(text);
  const year = end === 4 ? digitsAt(text, 0, 4) : digitsAt(text, 1, end - 1);
  const month = digitsAt(text, end + 1, 2);
  const day = digitsAt(text, end + 4, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || text[end] !== '-' || text[end + 3] !== '-') return undefined;
  return dayOf(text[0] === '-' ? -year : year, month, day);
}

/** Four digits, or a sign and at least six: those that `formatDate` writes beyond 9999 and before 0. */
function yearEnd(text: string): number {
  return text[0] === '+' || text[0] === '-' ? text.indexOf('-', 7) : 4;
}

function dayOf(year: number, month: number, day: number): number | undefined {
  return day > daysInMonth(year, month) ? undefined : daysOf(year, month, day);
}

/** Minutes east of UTC of what ends the text: `Z`, `+02`, `+0200` or `+02:00`. */
function zoneAt(text: string, at: number): number | undefined {
  const sign = text[at];
  if (sign === 'Z' || sign === 'z') return at + 1 === text.length ? 0 : undefined;
  if (sign !== '+' && sign !== '-') return undefined;
  const minutesAt = text[at + 3] === ':' ? at + 4 : at + 3;
  const hours = digitsAt(text, at + 1, 2);
  const minutes = text.length === at + 3 ? 0 : digitsAt(text, minutesAt, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  if (text.length !== at + 3 && text.length !== minutesAt + 2) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}

function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    // Also false behind the end of the text, where the code is NaN.
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= ZERO && code <= ZERO + 9;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
