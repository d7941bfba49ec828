import type { Clock } from '../../../core/spi.ts';
import { DAY_MS } from '../../formats/civil.ts';
import { encodeDirectoryName } from '../directory-name.ts';
import { EventTime, type TimedRecord } from './event-time.ts';
import { FieldScan, textOf } from './field-scan.ts';
import { encodeSegment, joinSegments, type RenderedPiece } from './segment.ts';
import type { DirectoryNeeds, DirectoryTemplate, Piece, Segment, Varying } from './template.ts';
import { formatTime } from './time-pattern.ts';
import { type TimeSettings, timeSettings } from './time-settings.ts';
import { Timezone } from './timezone.ts';

/** Memory for directories that were asked for before, about; all are forgotten when it is used up. */
const REMEMBERED_BYTES_MAX = 4 * 1024 * 1024;
/** What a remembered step costs beside its text, about. */
const STEP_BYTES = 200;

/** What a directory depends on. One object may be used again for every record; what is not needed is not read. */
export interface DirectoryRecord extends TimedRecord {
  readonly key: Buffer | null;
  /** In the order of the record; of headers with one name the last counts. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

export interface DirectoryOptions {
  readonly pipeline: string;
  /** Left out: the timestamp of the record, UTC. */
  readonly time?: TimeSettings | undefined;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * What tells directories apart: a name or a number, bytes as one character each, local time as the number of its hour (or the
 * finest unit used); undefined when it is empty or missing.
 */
type Value = string | number | undefined;

/** A directory of one topic: the same object for the same place, as long as it is remembered. */
export interface Place {
  /** The path below the sink's root, without slashes around it. */
  readonly directory: string;
  /** For the writer: what it has open there, or had. */
  part: object | undefined;
}

/** One placeholder to look at; all those of time are one. */
type Step =
  | { readonly kind: 'topic' | 'partition' | 'key' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'field'; readonly scan: FieldScan }
  | { readonly kind: 'time'; readonly time: EventTime; readonly zone: Timezone; readonly bucketMs: number };

/** The directories of records that agree so far, by what they have for the next step. */
class Branch {
  place: Place | undefined;
  #value: Value;
  #next: Branch | undefined;
  #branches: Map<Value, Branch> | undefined;

  /** Neighbours usually agree, so the last one is looked at first. */
  get(value: Value): Branch | undefined {
    if (this.#next !== undefined && this.#value === value) return this.#next;
    this.#next = this.#branches?.get(value);
    this.#value = value;
    return this.#next;
  }

  add(value: Value): Branch {
    const branch = new Branch();
    this.#branches ??= new Map();
    this.#branches.set(value, branch);
    return branch;
  }
}

/** Finds the directory of every record of one writer. */
export class DirectoryOf {
  readonly needs: DirectoryNeeds;
  readonly #template: DirectoryTemplate;
  readonly #pipeline: string;
  readonly #steps: readonly Step[];
  readonly #stepOf = new Map<Varying, number>();
  readonly #values: Value[] = [];
  #root = new Branch();
  /** Values that differ may render to one path. */
  readonly #places = new Map<string, Place>();
  #rememberedBytes = 0;

  constructor(template: DirectoryTemplate, { pipeline, time = timeSettings.parse({}), clock }: DirectoryOptions) {
    this.#template = template;
    this.#pipeline = pipeline;
    this.needs = {
      ...template.needs,
      value: template.needs.value || (template.needs.time && time.field !== undefined),
    };
    this.#steps = this.#planSteps(time, clock);
  }

  /** Throws `rejected` naming topic, partition and offset for a record without a time, where that may not be. */
  placeFor(record: DirectoryRecord): Place {
    let branch = this.#root;
    for (let index = 0; index < this.#steps.length; index++) {
      const value = readValue(this.#steps[index] as Step, record);
      this.#values[index] = value;
      branch = branch.get(value) ?? this.#grow(branch, value);
    }
    if (branch.place !== undefined) return branch.place;
    const place = this.#placeOf(record.topic, this.#render());
    branch.place = place;
    if (this.#rememberedBytes > REMEMBERED_BYTES_MAX) this.#forget();
    return place;
  }

  #placeOf(topic: string, directory: string): Place {
    const name = `${topic}/${directory}`;
    const place = this.#places.get(name) ?? { directory, part: undefined };
    this.#places.set(name, place);
    return place;
  }

  #grow(branch: Branch, value: Value): Branch {
    this.#rememberedBytes += STEP_BYTES + (typeof value === 'string' ? value.length : 0);
    return branch.add(value);
  }

  #forget(): void {
    this.#root = new Branch();
    this.#places.clear();
    this.#rememberedBytes = 0;
  }

  #planSteps(time: TimeSettings, clock: Pick<Clock, 'nowMs'>): Step[] {
    const placeholders = this.#template.segments.flat().filter(isVarying);
    const bucketMs = Math.min(
      ...placeholders.map((piece) => (piece.kind === 'time' ? piece.pattern.bucketMs : DAY_MS)),
    );
    // A place is of one topic, whether its path says so or not.
    const steps: Step[] = [{ kind: 'topic' }];
    const indexes = new Map<string, number>([[JSON.stringify({ kind: 'topic' }), 0]]);
    for (const piece of placeholders) {
      const identity = piece.kind === 'time' ? piece.kind : JSON.stringify(piece);
      const index = indexes.get(identity) ?? steps.length;
      indexes.set(identity, index);
      this.#stepOf.set(piece, index);
      steps[index] ??= planStep(piece, () => ({
        kind: 'time',
        time: new EventTime(time, clock),
        zone: new Timezone(time.timezone),
        bucketMs,
      }));
    }
    return steps;
  }

  #render(): string {
    const path = joinSegments(this.#template.segments.map((segment) => this.#renderSegment(segment)));
    this.#rememberedBytes += path.length;
    return path;
  }

  #renderSegment(segment: Segment): string {
    const [first, second] = segment;
    // The directories of topics have their own rule, which is the older one.
    if (first?.kind === 'topic' && second === undefined) return encodeDirectoryName(String(this.#valueAt(first)));
    return encodeSegment(
      segment.map((piece): RenderedPiece => {
        if (isVarying(piece)) return { kind: 'value', bytes: this.#bytesOf(piece) };
        const text = piece.kind === 'pipeline' ? this.#pipeline : piece.text;
        return { kind: 'text', bytes: Buffer.from(text, 'utf8') };
      }),
    );
  }

  #valueAt(piece: Varying): Value {
    return this.#values[this.#stepOf.get(piece) as number];
  }

  #bytesOf(piece: Varying): Buffer | undefined {
    const value = this.#valueAt(piece);
    if (value === undefined || value === '') return undefined;
    switch (piece.kind) {
      case 'topic':
      case 'partition':
        return Buffer.from(String(value), 'utf8');
      case 'time': {
        const step = this.#steps[this.#stepOf.get(piece) as number] as Extract<Step, { kind: 'time' }>;
        return Buffer.from(formatTime(piece.pattern, (value as number) * step.bucketMs), 'utf8');
      }
      default:
        return Buffer.from(value as string, 'latin1');
    }
  }
}

function isVarying(piece: Piece): piece is Varying {
  return piece.kind !== 'text' && piece.kind !== 'pipeline';
}

function planStep(piece: Varying, planTime: () => Step): Step {
  switch (piece.kind) {
    case 'time':
      return planTime();
    case 'header':
      return { kind: 'header', name: piece.name };
    case 'field':
      return { kind: 'field', scan: new FieldScan(piece.path) };
    default:
      return { kind: piece.kind };
  }
}

function readValue(step: Step, record: DirectoryRecord): Value {
  switch (step.kind) {
    case 'topic':
      return record.topic;
    case 'partition':
      return record.partition;
    case 'key':
      return bytesValue(record.key);
    case 'header':
      return bytesValue(record.headers.findLast(([name]) => name === step.name)?.[1]);
    case 'field':
      return fieldValue(step.scan, record);
    case 'time': {
      const ms = step.time.msOf(record);
      if (Number.isNaN(ms)) return undefined;
      return Math.floor((ms + step.zone.offsetMsAt(ms)) / step.bucketMs);
    }
  }
}

function bytesValue(bytes: Buffer | null | undefined): Value {
  return bytes == null || bytes.length === 0 ? undefined : bytes.toString('latin1');
}

/** Strings as their UTF-8, numbers and booleans as they stand in the JSON; nothing else is a value. */
function fieldValue(scan: FieldScan, { bytes, valueStart, valueEnd }: DirectoryRecord): Value {
  switch (scan.find(bytes, valueStart, valueEnd)) {
    case 'string':
      return scan.end === scan.start ? undefined : bytes.toString('latin1', scan.start, scan.end);
    case 'number':
    case 'true':
    case 'false':
      return bytes.toString('latin1', scan.start, scan.end);
    case 'escaped':
      return surrogatesKept(textOf(bytes, scan.start, scan.end)).toString('latin1');
    default:
      return undefined;
  }
}

/** UTF-8 in which half a surrogate pair is three bytes of its own ("WTF-8"): no two texts have the same bytes. */
function surrogatesKept(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  return Buffer.concat(
    Array.from(text, (char) => {
      const code = char.codePointAt(0) as number;
      if (char.isWellFormed()) return Buffer.from(char, 'utf8');
      return Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]);
    }),
  );
}
