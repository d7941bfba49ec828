const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
/** Trailing zeros that an exponent may ask for; more than any column holds. */
const EXPONENT_MAX = 100;

/** An exact 64 bit number from decimal text: a number where that is exact, else a bigint; undefined for anything else. */
export function parseInt64(text: string): number | bigint | undefined {
  const value = parseDecimal(text, 19, 0);
  if (value === undefined || value < INT64_MIN || value > INT64_MAX) return undefined;
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}

/** The unscaled number of decimal text such as `-12.50` or `1e3`; undefined when it is none, or does not fit exactly. */
export function parseDecimal(text: string, precision: number, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = '', exponentText = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return 0n;
  const zeros = scale - fraction.length + Number(exponentText);
  if (zeros > EXPONENT_MAX) return undefined;
  const kept = zeros >= 0 ? digits + '0'.repeat(zeros) : digits.slice(0, zeros);
  if (zeros < 0 && !/^0*$/.test(digits.slice(zeros))) return undefined;
  if (kept.length > precision) return undefined;
  const unscaled = BigInt(kept === '' ? 0 : kept);
  return sign === '-' ? -unscaled : unscaled;
}

/** `-12.50` of -1250 at scale 2. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}
