import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  isDigit,
  MINUS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipNumber,
  skipSpace,
  skipString,
  skipWord,
} from './json-bytes.ts';

/** `escaped` is a string with backslashes; `missing` also stands for bytes that are not JSON. */
export type FieldKind = 'missing' | 'null' | 'true' | 'false' | 'number' | 'string' | 'escaped' | 'object' | 'array';

const [TRUE, FALSE, NULL] = [Buffer.from('true'), Buffer.from('false'), Buffer.from('null')];

/** A key of the path. */
interface Step {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Finds one field in JSON without parsing it. The answer is that of `JSON.parse`, because it checks as
 * strictly: the last of two equal keys counts, steps lead through objects only, and what is not JSON has no fields.
 */
export class FieldScan {
  /** Where the found value lies, without the quotes of a string. */
  start = 0;
  end = 0;
  readonly #steps: readonly Step[];
  #kind: FieldKind = 'missing';
  /** What was looked at last, whole: the records of a batch lie in one buffer. */
  #bytes: Buffer | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** For each open container, whether it is an object. */
  readonly #objects: boolean[] = [];

  constructor(path: readonly string[]) {
    this.#steps = path.map((name) => ({ name, bytes: Buffer.from(name, 'utf8') }));
  }

  /** Looks at `bytes` from `start` to `end`; a negative start is no value at all. */
  find(bytes: Buffer, start: number, end: number): FieldKind {
    this.#kind = 'missing';
    if (bytes !== this.#bytes) this.#lookAt(bytes);
    if (start < 0 || !this.#walk(bytes, start, end)) return 'missing';
    return this.#kind;
  }

  #lookAt(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether it is JSON with an object at the top. */
  #walk(bytes: Buffer, start: number, end: number): boolean {
    const view = this.#view;
    const depthWanted = this.#steps.length;
    let at = skipSpace(bytes, start, end);
    if (at >= end || bytes[at] !== OPEN_OBJECT) return false;
    at = skipSpace(bytes, at + 1, end);
    this.#objects[1] = true;
    let depth = 1;
    // How many steps of the path the keys around the current container are: all of them, or it is not on the path.
    let taken = 0;
    let isObject = true;
    // An empty object at the top has nothing to find, whatever follows it.
    for (;;) {
      let isStep = false;
      if (isObject) {
        if (at >= end || bytes[at] !== QUOTE) return false;
        const close = skipString(bytes, view, at + 1, end);
        if (close < 0) return false;
        isStep = taken === depth - 1 && this.#isStep(depth - 1, bytes, at + 1, close - 1);
        at = skipSpace(bytes, close, end);
        if (at >= end || bytes[at] !== COLON) return false;
        at = skipSpace(bytes, at + 1, end);
        if (isStep) this.#kind = 'missing';
      }
      if (at >= end) return false;

      const isField = isStep && depth === depthWanted;
      const byte = bytes[at] as number;
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        const opensObject = byte === OPEN_OBJECT;
        if (isField) this.#kind = opensObject ? 'object' : 'array';
        else if (isStep && opensObject) taken = depth;
        at = skipSpace(bytes, at + 1, end);
        if (at >= end) return false;
        if (bytes[at] !== (opensObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
          isObject = opensObject;
          this.#objects[++depth] = isObject;
          continue;
        }
        at++;
        if (taken > depth - 1) taken = depth - 1;
      } else {
        const from = at;
        at = skipScalar(bytes, view, at, end, byte);
        if (at < 0) return false;
        if (isField) this.#keepScalar(bytes, from, at, byte);
      }

      at = skipSpace(bytes, at, end);
      while (at >= end || bytes[at] !== COMMA) {
        if (at >= end || bytes[at] !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return false;
        at = skipSpace(bytes, at + 1, end);
        if (--depth === 0) return at === end;
        if (taken > depth - 1) taken = depth - 1;
        isObject = this.#objects[depth] as boolean;
      }
      at = skipSpace(bytes, at + 1, end);
    }
  }

  #isStep(index: number, bytes: Buffer, start: number, end: number): boolean {
    const { name, bytes: wanted } = this.#steps[index] as Step;
    const first = bytes[start];
    // An escape is longer than what it stands for, so most keys are told apart by their length and their first byte.
    if (first !== wanted[0] && first !== BACKSLASH && wanted.length > 0) return false;
    if (end - start <= wanted.length)
      return end - start === wanted.length && skipWord(bytes, start, end, wanted) === end;
    return hasEscape(bytes, start, end) && textOf(bytes, start, end) === name;
  }

  #keepScalar(bytes: Buffer, start: number, end: number, first: number): void {
    const isString = first === QUOTE;
    this.start = isString ? start + 1 : start;
    this.end = isString ? end - 1 : end;
    if (isString) this.#kind = hasEscape(bytes, this.start, this.end) ? 'escaped' : 'string';
    else if (first === TRUE[0]) this.#kind = 'true';
    else if (first === FALSE[0]) this.#kind = 'false';
    else if (first === NULL[0]) this.#kind = 'null';
    else this.#kind = 'number';
  }
}

/** Behind a value that holds no others; -1 when it is none. */
function skipScalar(bytes: Buffer, view: DataView, at: number, end: number, first: number): number {
  if (first === QUOTE) return skipString(bytes, view, at + 1, end);
  if (first === MINUS || isDigit(first)) return skipNumber(bytes, at, end);
  if (first === TRUE[0]) return skipWord(bytes, at, end, TRUE);
  if (first === FALSE[0]) return skipWord(bytes, at, end, FALSE);
  return skipWord(bytes, at, end, NULL);
}

function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

/** The text of a string of which the scan has said that it is one; `start` and `end` lie inside its quotes. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  return JSON.parse(bytes.toString('utf8', start - 1, end + 1));
}
