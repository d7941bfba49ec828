import { nearest } from '../../core/spi.ts';
import type { RowField, RowType } from './row-schema.ts';

const PLAIN = ['boolean', 'int32', 'int64', 'float32', 'float64', 'string', 'bytes', 'date', 'json'] as const;
type Plain = (typeof PLAIN)[number];
const KINDS: readonly string[] = [...PLAIN, 'timestamp', 'decimal', 'list', 'struct'];
/** Words of other systems, and what they are called here. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['bool', 'boolean'],
  ['int', 'int32 or int64'],
  ['integer', 'int32 or int64'],
  ['long', 'int64'],
  ['bigint', 'int64'],
  ['float', 'float32 or float64'],
  ['double', 'float64'],
  ['number', 'float64'],
  ['text', 'string'],
  ['varchar', 'string'],
  ['binary', 'bytes'],
  ['datetime', 'timestamp(ms)'],
  ['numeric', 'decimal'],
  ['array', 'list'],
  ['record', 'struct'],
  ['object', 'struct or json'],
  ['map', 'json'],
]);
/** What 16 bytes hold, the widest decimal of Parquet, Avro and their readers. */
const PRECISION_MAX = 38;
const DEPTH_MAX = 32;

export type ParsedType = { readonly type: RowType } | { readonly problem: string };

/** Reads `int64`, `decimal(18,2)`, `list<string>`, `struct<a:int64!,b:string>`; a `!` inside says that it is never null. */
export function parseRowType(text: string): ParsedType {
  try {
    const reader = new TypeReader(text);
    const type = reader.type(0);
    reader.end();
    return { type };
  } catch (error) {
    if (error instanceof TypeProblem) return { problem: error.message };
    throw error;
  }
}

/** The type as it is written in settings. */
export function formatRowType(type: RowType): string {
  const inner = (field: RowField) => `${formatRowType(field.type)}${field.nullable ? '' : '!'}`;
  switch (type.kind) {
    case 'timestamp':
      return `timestamp(${type.unit})`;
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'list':
      return `list<${inner(type.items)}>`;
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}:${inner(field)}`).join(',')}>`;
    default:
      return type.kind;
  }
}

/** A decimal's type, or why there is none with these digits. */
export function decimalType(precision: number, scale: number): ParsedType {
  if (precision < 1 || precision > PRECISION_MAX)
    return { problem: `expected a precision from 1 to ${PRECISION_MAX}, found ${precision}` };
  if (scale < 0 || scale > precision)
    return { problem: `expected a scale from 0 to the precision ${precision}, found ${scale}` };
  return { type: { kind: 'decimal', precision, scale } };
}

class TypeProblem extends Error {}

class TypeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  type(depth: number): RowType {
    if (depth > DEPTH_MAX) this.#fail(`more than ${DEPTH_MAX} types inside each other`);
    const start = this.#skipSpaces();
    const word = this.#word();
    if (isPlain(word)) return { kind: word };
    switch (word) {
      case 'timestamp':
        return { kind: 'timestamp', unit: this.#unit() };
      case 'decimal':
        return this.#decimal();
      case 'list': {
        this.#take('<');
        const items = this.#field('item', depth);
        this.#take('>');
        return { kind: 'list', items };
      }
      case 'struct':
        return { kind: 'struct', fields: this.#fields(depth) };
      default:
        this.#at = start;
        return this.#fail(unknownType(word));
    }
  }

  end(): void {
    this.#skipSpaces();
    if (this.#at < this.#text.length) this.#fail('expected the end of the type');
  }

  #unit(): 'ms' | 'us' {
    this.#take('(');
    const start = this.#skipSpaces();
    const unit = this.#word();
    if (unit !== 'ms' && unit !== 'us') {
      this.#at = start;
      this.#fail('expected ms or us');
    }
    this.#take(')');
    return unit as 'ms' | 'us';
  }

  #decimal(): RowType {
    this.#take('(');
    const start = this.#skipSpaces();
    const precision = this.#digits();
    this.#take(',');
    const scale = this.#digits();
    this.#take(')');
    const made = decimalType(precision, scale);
    if ('type' in made) return made.type;
    this.#at = start;
    return this.#fail(made.problem);
  }

  #fields(depth: number): RowField[] {
    const fields: RowField[] = [];
    this.#take('<');
    do {
      const start = this.#skipSpaces();
      const name = this.#word();
      if (name === '') this.#fail('expected the name of a field');
      if (fields.some((field) => field.name === name)) {
        this.#at = start;
        this.#fail(`a second field ${name}`);
      }
      this.#take(':');
      fields.push(this.#field(name, depth));
    } while (this.#takes(','));
    this.#take('>');
    return fields;
  }

  #field(name: string, depth: number): RowField {
    const type = this.type(depth + 1);
    return { name, type, nullable: !this.#takes('!') };
  }

  #word(): string {
    const start = this.#skipSpaces();
    while (this.#at < this.#text.length && !/[\s<>(),:!]/.test(this.#text[this.#at] as string)) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #digits(): number {
    const start = this.#skipSpaces();
    const word = this.#word();
    if (/^\d{1,3}$/.test(word)) return Number(word);
    this.#at = start;
    return this.#fail('expected a whole number');
  }

  #take(sign: string): void {
    if (!this.#takes(sign)) this.#fail(`expected ${sign}`);
  }

  #takes(sign: string): boolean {
    this.#skipSpaces();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #skipSpaces(): number {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#at;
  }

  #fail(what: string): never {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    const where = rest === '' ? 'at the end of' : `at position ${this.#at + 1} (${rest}) of`;
    throw new TypeProblem(`${what}, ${where} ${this.#text === '' ? 'an empty type' : this.#text}`);
  }
}

function isPlain(word: string): word is Plain {
  return (PLAIN as readonly string[]).includes(word);
}

function unknownType(word: string): string {
  const meant = ELSEWHERE.get(word.toLowerCase()) ?? nearest(word, KINDS);
  const hint = meant === undefined ? `expected ${KINDS.join(', ')}` : `did you mean ${meant}?`;
  return word === '' ? `expected a type: ${KINDS.join(', ')}` : `unknown type ${word}; ${hint}`;
}
