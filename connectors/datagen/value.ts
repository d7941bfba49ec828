/** What decides a value, wholly: the same three always give the same bytes. */
export interface ValueKey {
  readonly seed: number;
  readonly partition: number;
  readonly sequence: number;
}

const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyz012345');
const END = Buffer.from('"}');

/** The longest value for a length asked for: the numbers may need more than that. */
export function valueBytesMax(valueBytes: number): number {
  return Math.max(valueBytes, 80);
}

/**
 * Writes `{"partition":3,"sequence":17,"text":"..."}` at `at` and returns where it ends. The text fills the value up to
 * `valueBytes` with letters that only `key` decides.
 */
export function writeValue(into: Buffer, at: number, valueBytes: number, key: ValueKey): number {
  const head = `{"partition":${key.partition},"sequence":${key.sequence},"text":"`;
  let end = at + into.write(head, at, 'latin1');
  const textEnd = at + valueBytes - END.length;
  let state = mix(key);
  while (end < textEnd) {
    state = xorshift(state);
    // Six letters of 5 bits from one draw.
    for (let bits = state, left = 6; left > 0 && end < textEnd; left--, bits >>>= 5) {
      into[end++] = LETTERS[bits & 31] as number;
    }
  }
  into[end++] = END[0] as number;
  into[end++] = END[1] as number;
  return end;
}

/** Neighbouring sequences must not give neighbouring texts, and xorshift never leaves 0. */
function mix({ seed, partition, sequence }: ValueKey): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 13)) + partition, 0xc2b2ae35);
  hash = Math.imul((hash ^ (hash >>> 16)) + (sequence >>> 0), 0x27d4eb2f);
  hash = Math.imul((hash ^ (hash >>> 15)) + Math.floor(sequence / 2 ** 32), 0x165667b1);
  return (hash ^ (hash >>> 16)) >>> 0 || 1;
}

function xorshift(state: number): number {
  let next = state ^ (state << 13);
  next ^= next >>> 17;
  next ^= next << 5;
  return next >>> 0;
}
