import { SluiceError } from '../../../core/spi.ts';
import { civilOf, DAY_MS, HOUR_MS, MINUTE_MS } from '../../formats/civil.ts';

const UNITS = ['yyyy', 'MM', 'dd', 'HH', 'mm'] as const;
type Unit = (typeof UNITS)[number];

/** A piece of a pattern: a unit of local time, or text. */
type PatternPiece = { readonly unit: Unit } | { readonly text: string };

export interface TimePattern {
  readonly pieces: readonly PatternPiece[];
  /** Length of the time within which the text does not change, by local time; a day also stands for months and years. */
  readonly bucketMs: number;
}

const SUPPORTED = `use ${UNITS.join(', ')}, and put other letters into quotes, for example yyyy'W'`;

/** Reads `yyyy-MM-dd` and the like; throws `config` for what is not supported. */
export function parseTimePattern(pattern: string): TimePattern {
  const pieces: PatternPiece[] = [];
  for (const [token] of pattern.matchAll(/'(?:[^']|'')*'|'.*|([A-Za-z])\1*|[^A-Za-z']+/gsu)) {
    if (token.startsWith("'")) pieces.push({ text: unquote(token, pattern) });
    else if (/^[A-Za-z]/.test(token)) pieces.push({ unit: requireUnit(token) });
    else pieces.push({ text: token });
  }
  if (pieces.some((piece) => 'text' in piece && piece.text.includes('/')))
    throw unreadable(`{time:${pattern}} has a slash; write one placeholder for each directory, {time:yyyy}/{time:MM}`);
  const units = new Set(pieces.flatMap((piece) => ('unit' in piece ? [piece.unit] : [])));
  if (units.size === 0) throw unreadable(`{time:${pattern}} has no unit of time; ${SUPPORTED}`);
  return { pieces, bucketMs: units.has('mm') ? MINUTE_MS : units.has('HH') ? HOUR_MS : DAY_MS };
}

/** The text of a moment, given in milliseconds of local time since 1970-01-01T00:00 there; years 0 to 9999. */
export function formatTime({ pieces }: TimePattern, localMs: number): string {
  const { year, month, day } = civilOf(Math.floor(localMs / DAY_MS));
  const minutes = Math.floor((localMs - Math.floor(localMs / DAY_MS) * DAY_MS) / MINUTE_MS);
  const digits: Record<Unit, string> = {
    yyyy: String(year).padStart(4, '0'),
    MM: twoDigits(month),
    dd: twoDigits(day),
    HH: twoDigits(Math.floor(minutes / 60)),
    mm: twoDigits(minutes % 60),
  };
  return pieces.map((piece) => ('unit' in piece ? digits[piece.unit] : piece.text)).join('');
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}

function requireUnit(letters: string): Unit {
  const unit = UNITS.find((one) => one === letters);
  if (unit === undefined) throw unreadable(`"${letters}" is no unit of a time pattern; ${SUPPORTED}`);
  return unit;
}

/** `''` is a quote, inside quotes and alone. */
function unquote(token: string, pattern: string): string {
  if (token === "''") return "'";
  if (!/^'(?:[^']|'')*'$/s.test(token)) throw unreadable(`{time:${pattern}} has a quote that is not closed`);
  return token.slice(1, -1).replaceAll("''", "'");
}

function unreadable(message: string): SluiceError {
  return new SluiceError('config', 'DIRECTORY_TEMPLATE', { message });
}
