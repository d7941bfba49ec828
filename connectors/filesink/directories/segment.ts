import { cutName, encodeByte, encodeFront, encodeInside, NAME_BYTES_MAX } from '../directory-name.ts';

/** What stands for an empty or missing value. At the front of a name, `_` would hide it from readers. */
const MISSING_INSIDE = '__default__';
const MISSING_IN_FRONT = 'default__';

/** An S3 key (1,024 bytes) has room for the longest prefix (512) in front of it, and a file name (under 170) behind. */
const PATH_BYTES_MAX = 340;
/** Short enough that as many names as a template may have fit; long enough for a hash and a few letters. */
const CUT_BYTES = 41;

/** A part of a name: text of the template, or a value with undefined for one that is empty or missing. */
export type RenderedPiece =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'value'; readonly bytes: Buffer | undefined };

/**
 * One name made of pieces, like `encodeDirectoryName` but not bounded: different for every value when one piece is a value,
 * never hidden, and without a dot at the end, which Windows shares would drop.
 */
export function encodeSegment(pieces: readonly RenderedPiece[]): string {
  let name = '';
  for (const { kind, bytes } of pieces) {
    const missing = name === '' ? MISSING_IN_FRONT : MISSING_INSIDE;
    if (bytes === undefined) name += missing;
    // A value that reads like a missing one is not the same.
    else if (kind === 'value' && bytes.equals(Buffer.from(missing)))
      name += encodeByte(bytes[0] as number) + encodeInside(bytes.subarray(1));
    else name += name === '' ? encodeFront(bytes) : encodeInside(bytes);
  }
  return name.endsWith('.') ? name.slice(0, -1) + encodeByte(0x2e) : name;
}

/** Joins names. One that is too long is cut and ends in its hash; so are the longest ones of a path that is too long. */
export function joinSegments(names: readonly string[]): string {
  const fitting = names.map((name) => (name.length <= NAME_BYTES_MAX ? name : cut(name, NAME_BYTES_MAX)));
  const longestFirst = names.map((_, index) => index).sort((a, b) => lengthAt(names, b) - lengthAt(names, a));
  let path = fitting.join('/');
  for (const index of longestFirst) {
    if (path.length <= PATH_BYTES_MAX) break;
    if (lengthAt(names, index) > CUT_BYTES) fitting[index] = cut(names[index] as string, CUT_BYTES);
    path = fitting.join('/');
  }
  return path;
}

function lengthAt(names: readonly string[], index: number): number {
  return (names[index] as string).length;
}

function cut(name: string, bytesMax: number): string {
  return cutName(name, { bytesMax, hashed: name });
}
