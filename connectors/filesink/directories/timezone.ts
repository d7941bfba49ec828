import { DAY_MS, daysOf, HOUR_MS, MINUTE_MS } from '../../formats/civil.ts';

/** Days whose offsets are remembered. */
const SPANS_MAX = 4096;

/** A stretch of time with one offset. */
interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly offsetMs: number;
}

/** Whether the platform knows a time zone: a name of the IANA database, or an offset such as `+01:00`. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Local time of one time zone. Asks Intl a few times per day of the data and remembers the answers. */
export class Timezone {
  readonly #format: Intl.DateTimeFormat;
  readonly #days = new Map<number, readonly Span[]>();
  #last: Span = { fromMs: 0, untilMs: 0, offsetMs: 0 };

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (this.#format.resolvedOptions().timeZone === 'UTC')
      this.#last = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY, offsetMs: 0 };
  }

  /** What local time is ahead of UTC at a moment. */
  offsetMsAt(ms: number): number {
    const last = this.#last;
    if (ms >= last.fromMs && ms < last.untilMs) return last.offsetMs;
    const day = Math.floor(ms / DAY_MS);
    const spans = this.#days.get(day) ?? this.#learn(day);
    this.#last = spans.find((span) => ms < span.untilMs) as Span;
    return this.#last.offsetMs;
  }

  /** No zone has ever changed its offset and back within a day of UTC: one change at most lies between two answers. */
  #learn(day: number): readonly Span[] {
    const [fromMs, untilMs] = [day * DAY_MS, (day + 1) * DAY_MS];
    const [before, after] = [this.#ask(fromMs), this.#ask(untilMs - 1)];
    const changeMs = before === after ? untilMs : this.#findChange(fromMs, untilMs - 1, before);
    const spans = [{ fromMs, untilMs: changeMs, offsetMs: before }];
    if (changeMs < untilMs) spans.push({ fromMs: changeMs, untilMs, offsetMs: after });
    if (this.#days.size >= SPANS_MAX) this.#days.clear();
    this.#days.set(day, spans);
    return spans;
  }

  /** The first millisecond that no longer has the offset of `fromMs`. */
  #findChange(fromMs: number, untilMs: number, offsetMs: number): number {
    let [same, other] = [fromMs, untilMs];
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (this.#ask(middle) === offsetMs) same = middle;
      else other = middle;
    }
    return other;
  }

  #ask(ms: number): number {
    const second = Math.floor(ms / 1000) * 1000;
    const parts: Record<string, string> = {};
    for (const { type, value } of this.#format.formatToParts(second)) parts[type] = value;
    const of = (part: string) => Number(parts[part]);
    const year = parts.era === 'BC' ? 1 - of('year') : of('year');
    const days = daysOf(year, of('month'), of('day'));
    return days * DAY_MS + of('hour') * HOUR_MS + of('minute') * MINUTE_MS + of('second') * 1000 - second;
  }
}
