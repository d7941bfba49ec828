/** A number of a JSON text that a double might not hold, as it is written. */
export interface RawNumber {
  readonly rawJSON: string;
}

// ES2026, "JSON.parse source text access": in Node since 22, in the declarations of TypeScript 6 not yet.
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** Where a number may begin: digits enough to be rounded, or an exponent that may be beyond a double. */
const LONG_NUMBERS = /(?:^|[:,[\s])(-?\d(?:[\d.]{15}|[\d.]*[eE][+-]?\d{3})[\d.eE+-]*)/g;

/** Whether a number of this JSON text may lose digits in a double. Never false for one that does. */
export function mayRound(text: string): boolean {
  LONG_NUMBERS.lastIndex = 0;
  for (let match = LONG_NUMBERS.exec(text); match !== null; match = LONG_NUMBERS.exec(text))
    // What a double prints as it was written, as most numbers of 17 digits, lost nothing.
    if (String(Number(match[1])) !== match[1]) return true;
  return false;
}

/** `JSON.parse` with every number that is not a small integer left as it is written. Several times slower. */
export function parseExactly(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && (!Number.isSafeInteger(value) || source.length > 16)
      ? json.rawJSON(source)
      : value,
  );
}

/** A number by its digits, as `parseExactly` leaves it and `JSON.stringify` writes it. */
export function rawNumber(digits: string): RawNumber {
  return json.rawJSON(digits);
}

export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}
