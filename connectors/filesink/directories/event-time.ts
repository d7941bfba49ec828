import { type Clock, SluiceError } from '../../../core/spi.ts';
import { DAY_MS } from '../../formats/civil.ts';
import { FieldScan, textOf } from './field-scan.ts';
import { parseIsoTime } from './iso-time.ts';
import { numberOf, skipNumber } from './json-bytes.ts';
import type { TimeSettings } from './time-settings.ts';

const AHEAD_MS_MAX = 365 * DAY_MS;
/** How many milliseconds one of each unit is; numbers are no times with `iso`. */
const UNIT_MS = { s: 1000, ms: 1, us: 0.001, iso: Number.NaN } as const;

/** The part of a record that its time is read from. */
export interface TimedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Negative when the record has none. */
  readonly timestampMs: number;
  /** Holds the value from `valueStart` to `valueEnd`; start -1 = null. */
  readonly bytes: Buffer;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** The time of a record, as the settings say. */
export class EventTime {
  readonly #settings: TimeSettings;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #scan: FieldScan | undefined;
  readonly #unitMs: number;
  readonly #earliestMs: number;
  #latestMs: number;

  constructor(settings: TimeSettings, clock: Pick<Clock, 'nowMs'>) {
    this.#settings = settings;
    this.#clock = clock;
    this.#scan = settings.field === undefined ? undefined : new FieldScan(settings.field);
    this.#unitMs = UNIT_MS[settings.unit];
    this.#earliestMs = settings.notBefore;
    this.#latestMs = settings.notAfter ?? Number.NEGATIVE_INFINITY;
  }

  /** Milliseconds since 1970; NaN for a time that is missing or beyond belief. Throws `rejected` if a missing one may not be. */
  msOf(record: TimedRecord): number {
    const ms = this.#scan === undefined ? timestampMs(record) : this.#fieldMs(this.#scan, record);
    if (ms >= this.#earliestMs && (ms <= this.#latestMs || this.#isSoonEnough(ms))) return ms;
    if (Number.isNaN(ms) && this.#settings.missing === 'fail') throw missingTime(record, this.#settings);
    return Number.NaN;
  }

  /** Without `notAfter` the limit moves with the clock, which is only asked when the last answer does not do. */
  #isSoonEnough(ms: number): boolean {
    if (this.#settings.notAfter === undefined) this.#latestMs = this.#clock.nowMs() + AHEAD_MS_MAX;
    return ms <= this.#latestMs;
  }

  #fieldMs(scan: FieldScan, { bytes, valueStart, valueEnd }: TimedRecord): number {
    switch (scan.find(bytes, valueStart, valueEnd)) {
      case 'number':
        return numberOf(bytes, scan.start, scan.end) * this.#unitMs;
      case 'string':
        return this.#textMs(bytes, scan.start, scan.end);
      case 'escaped': {
        const text = Buffer.from(textOf(bytes, scan.start, scan.end), 'utf8');
        return this.#textMs(text, 0, text.length);
      }
      default:
        return Number.NaN;
    }
  }

  #textMs(bytes: Buffer, start: number, end: number): number {
    const ms = parseIsoTime(bytes, start, end);
    if (!Number.isNaN(ms) || skipNumber(bytes, start, end) !== end) return ms;
    return numberOf(bytes, start, end) * this.#unitMs;
  }
}

function timestampMs({ timestampMs }: TimedRecord): number {
  return timestampMs < 0 ? Number.NaN : timestampMs;
}

function missingTime({ topic, partition, offset }: TimedRecord, { field }: TimeSettings): SluiceError {
  const what = field === undefined ? 'no timestamp' : `no time in its field ${field.join('.')}`;
  return new SluiceError('rejected', 'EVENT_TIME_MISSING', {
    message: `${topic}/${partition}: the record at offset ${offset} has ${what}`,
    help: 'To put such records into the directory __default__, set sink.time.missing: default',
    details: { topic, partition, offset },
  });
}
