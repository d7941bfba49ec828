/** The bytes that JSON is made of. */
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const MINUS = 0x2d;
const ZERO = 0x30;
const PLUS = 0x2b;
const DOT = 0x2e;
const SPACE = 0x20;
const UNICODE = 0x75;
const EXPONENT = 0x65;
/** The bit that makes a letter of ASCII a small one. */
const LOWER_CASE = 0x20;

const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const EXACT_DIGITS = 15;
/** Most keys are shorter, and not worth the other loop. */
const SHORT_BYTES = 32;

/** The first byte from `at` on that is not whitespace, or `end`. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte > SPACE || (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return at;
    at++;
  }
  return end;
}

/** From behind the opening quote to behind the closing one; -1 when it is no string. `view` shows the same bytes. */
export function skipString(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  let at = from;
  let wordsFrom = from + SHORT_BYTES;
  while (at < end) {
    const byte = bytes[at++] as number;
    if (byte === QUOTE) return at;
    if (byte < SPACE) return -1;
    if (byte === BACKSLASH) {
      at = skipEscape(bytes, at, end);
      if (at < 0) return -1;
    } else if (at > wordsFrom) {
      at = skipPlain(view, at, end);
      wordsFrom = at + 4;
    }
  }
  return -1;
}

/**
 * Four bytes at a time, up to the first four that are not all plain: most of JSON lies in strings. A byte that is zero, or below a
 * limit, shows as a borrow in its highest bit ("Bit Twiddling Hacks", haszero and hasless).
 */
function skipPlain(view: DataView, from: number, end: number): number {
  let at = from;
  for (; at <= end - 4; at += 4) {
    const word = view.getInt32(at, true);
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const special =
      ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes) | ((word - 0x20202020) & ~word);
    if ((special & 0x80808080) !== 0) return at;
  }
  return at;
}

function skipEscape(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const byte = bytes[at] as number;
  if (SIMPLE_ESCAPES.has(byte)) return at + 1;
  if (byte !== UNICODE || at + 5 > end) return -1;
  for (let index = at + 1; index < at + 5; index++) if (!isHex(bytes[index] as number)) return -1;
  return at + 5;
}

/** Behind a number that begins at `from`; -1 when it is none. */
export function skipNumber(bytes: Uint8Array, from: number, end: number): number {
  const whole = from < end && bytes[from] === MINUS ? from + 1 : from;
  let at = whole < end && bytes[whole] === ZERO ? whole + 1 : skipDigits(bytes, whole, end);
  if (at < 0) return -1;
  if (at < end && bytes[at] === DOT) {
    at = skipDigits(bytes, at + 1, end);
    if (at < 0) return -1;
  }
  if (at >= end || ((bytes[at] as number) | LOWER_CASE) !== EXPONENT) return at;
  at++;
  if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
  return skipDigits(bytes, at, end);
}

/** Behind one digit or more; -1 when there is none. */
function skipDigits(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isDigit(bytes[at] as number)) at++;
  return at === from ? -1 : at;
}

/** Behind `word` when it is what stands at `at`, else -1. */
export function skipWord(bytes: Uint8Array, at: number, end: number, word: Uint8Array): number {
  if (at + word.length > end) return -1;
  for (let index = 0; index < word.length; index++) if (bytes[at + index] !== word[index]) return -1;
  return at + word.length;
}

/** The value of a JSON number, as `JSON.parse` has it; short whole numbers without making a string. */
export function numberOf(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  const from = isNegative ? start + 1 : start;
  if (end - from > EXACT_DIGITS) return Number(bytes.toString('latin1', start, end));
  let value = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (!isDigit(byte)) return Number(bytes.toString('latin1', start, end));
    value = value * 10 + byte - ZERO;
  }
  return isNegative ? -value : value;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function isHex(byte: number): boolean {
  const lower = byte | LOWER_CASE;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}
