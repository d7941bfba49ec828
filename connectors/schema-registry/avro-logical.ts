import { formatDate, formatTimestamp } from '../formats/calendar.ts';
import { rawNumber } from '../formats/exact-json.ts';
import { formatDecimal } from '../formats/numbers.ts';
import { type AvroInput, ValueProblem } from './avro-input.ts';

type Convert<T> = (value: T) => unknown;

/** Digits of any decimal that there is use for; without a limit, a few bytes could ask for endless zeros. */
const PRECISION_MAX = 1_000;
const DECIMAL_BYTES_MAX = 512;
/** Up to here a double prints the very digits, and so does a power of ten up to the other. */
const DIGITS_EXACT = 1e15;
const SCALE_EXACT = 22;
/** Where `String` begins to write exponents. */
const EXPONENT_FROM = 1e21;
const INT_BYTES_MAX = 6;
const MS_PER_DAY = 86_400_000n;

/** A date of days as `2024-02-29`; undefined where an int is only a number. */
export function intConversion({ logicalType }: Record<string, unknown>): Convert<number> | undefined {
  return logicalType === 'date' ? formatDate : undefined;
}

/** A time as text with its zone, so that nobody takes ms for µs; undefined where a long is only a number. */
export function longConversion({
  logicalType,
}: Record<string, unknown>): Convert<ReturnType<AvroInput['long']>> | undefined {
  if (logicalType !== 'timestamp-millis' && logicalType !== 'timestamp-micros') return undefined;
  const unit = logicalType === 'timestamp-millis' ? 'ms' : 'us';
  return (value) => (typeof value === 'number' ? formatTimestamp(value, unit) : formatFar(BigInt(value.rawJSON), unit));
}

/** A time that is no exact number, such as the end of the year 9999 in µs. */
function formatFar(value: bigint, unit: 'ms' | 'us'): string {
  const perDay = unit === 'ms' ? MS_PER_DAY : MS_PER_DAY * 1000n;
  const inDay = ((value % perDay) + perDay) % perDay;
  const [, time] = formatTimestamp(Number(inDay), unit).split('T');
  return `${formatDate(Number((value - inDay) / perDay))}T${time}`;
}

/** A decimal as a number where a double prints its digits, else by its digits; undefined where bytes are only bytes. */
export function bytesConversion({
  logicalType,
  precision,
  scale = 0,
}: Record<string, unknown>): Convert<Buffer> | undefined {
  if (logicalType !== 'decimal' || !isCount(precision) || !isCount(scale)) return undefined;
  // As the specification has it, a logical type that makes no sense is none.
  if (precision < 1 || scale > precision || precision > PRECISION_MAX) return undefined;
  const power = 10 ** scale;
  return (bytes) => {
    const unscaled = twosComplement(bytes);
    const near = Number(unscaled);
    if (Math.abs(near) < DIGITS_EXACT && scale <= SCALE_EXACT) return near / power;
    return rawNumber(formatDecimal(BigInt(unscaled), scale));
  };
}

/** A double as JSON has it: what is no number there as text, and beyond 2^53 its digits, so that nobody takes it for rounded. */
export function plainDouble(value: number): unknown {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  if (!Number.isFinite(value)) return String(value);
  return rawNumber(String(Math.abs(value) < EXPONENT_FROM ? BigInt(value) : value));
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function twosComplement(bytes: Buffer): number | bigint {
  const { length } = bytes;
  if (length === 0) throw new ValueProblem('a decimal of no bytes');
  if (length > DECIMAL_BYTES_MAX)
    throw new ValueProblem(`a decimal of ${length} bytes, more than ${DECIMAL_BYTES_MAX}`);
  if (length <= INT_BYTES_MAX) return bytes.readIntBE(0, length);
  return BigInt.asIntN(length * 8, BigInt(`0x${bytes.toString('hex')}`));
}
